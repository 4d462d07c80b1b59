import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compare,
  describeDifference,
  OFFSETS,
  type Amounts,
  type Difference,
} from '../../domain/reconciliation/compare.ts';
import { addDays, ageDays, nightlyDays } from '../../domain/reconciliation/policy.ts';

const reference = 'PAYMENT order-1';

describe('comparing one reference', () => {
  it.each<[string, Amounts, Amounts, Partial<Difference> | undefined]>([
    ['the same on both sides', { 0: 500 }, { 0: 500 }, undefined],
    ['nothing on the day', { 1: 500 }, { 1: 400 }, undefined],
    ['theirs lacks it', { 0: 500 }, {}, { class: 'missing_theirs', oursAmount: 500 }],
    ['ours lacks it', {}, { 0: 500 }, { class: 'missing_ours', theirsAmount: 500 }],
    [
      'another amount',
      { 0: 500 },
      { 0: 400 },
      { class: 'amount_differs', oursAmount: 500, theirsAmount: 400 },
    ],
    ['booked on the day after', { 0: 500 }, { 1: 500 }, { class: 'late', theirsOffset: 1 }],
    ['booked on the day before', { 0: 500 }, { [-1]: 500 }, { class: 'late', theirsOffset: -1 }],
    [
      'booked next day with another amount',
      { 0: 500 },
      { 1: 400 },
      { class: 'amount_differs', theirsAmount: 400 },
    ],
    ['booked two days later', { 0: 500 }, { 2: 500 }, { class: 'missing_theirs' }],
    ['booked on both neighbours', { 0: 500 }, { [-1]: 500, 1: 500 }, { class: 'late', theirsOffset: 1 }],
    ["the neighbour's own", { 0: 500, 1: 500 }, { 1: 500 }, { class: 'missing_theirs' }],
    ['late for the day before, which says so', { [-1]: 500 }, { 0: 500 }, undefined],
    ['booked on the day and the day after', { 0: 500 }, { 0: 500, 1: 500 }, undefined],
    ['the second booking of yesterday’s', { [-1]: 500 }, { [-1]: 500, 0: 500 }, { class: 'missing_ours' }],
    ['one booking between two days of ours: the first has it', { [-1]: 500, 1: 500 }, { 0: 500 }, undefined],
    ['… so the second has none', { [-2]: 500, 0: 500 }, { [-1]: 500 }, { class: 'missing_theirs' }],
  ])('%s', (_, ours, theirs, expected) => {
    const found = compare({ reference, ours, theirs });
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject({ reference, ...expected });
  });

  it('says it when equal amounts moved between other accounts', () => {
    const found = compare({ reference, ours: { 0: 500 }, theirs: { 0: 500 }, isElsewhere: true });
    expect(found).toMatchObject({ class: 'amount_differs', isElsewhere: true });
    expect(found && describeDifference(found, 'LEDGER')).toBe(
      'our books have 500, the ledger has it between other accounts',
    );
  });

  it('reads as a sentence', () => {
    const found = compare({ reference, ours: { 0: -500 }, theirs: { 1: -500 } });
    expect(found && describeDifference(found, 'MERCHANT_FILE')).toBe(
      "our books have -500, the merchant's file has -500 on the day after",
    );
  });
});

/** Amounts under one reference over eight days. */
type Days = Readonly<Record<number, number>>;
const DAYS = 8;
const days: fc.Arbitrary<Days> = fc
  .array(
    fc.option(
      fc.integer({ min: -3, max: 3 }).filter((it) => it !== 0),
      { nil: undefined },
    ),
    {
      minLength: DAYS,
      maxLength: DAYS,
    },
  )
  .map((amounts) => Object.fromEntries(amounts.flatMap((it, day) => (it === undefined ? [] : [[day, it]]))));

const around = (all: Days, day: number): Amounts =>
  Object.fromEntries(OFFSETS.flatMap((it) => (all[day + it] === undefined ? [] : [[it, all[day + it]]])));

const breaksOf = (ours: Days, theirs: Days): (Difference & { day: number })[] =>
  Array.from({ length: DAYS }, (_, day) => day).flatMap((day) => {
    const found = compare({ reference, ours: around(ours, day), theirs: around(theirs, day) });
    return found === undefined ? [] : [{ ...found, day }];
  });

/** Theirs put right by what the breaks say. */
function applied(theirs: Days, breaks: readonly (Difference & { day: number })[]): Days {
  const result = new Map(Object.entries(theirs).map(([day, amount]) => [Number(day), amount]));
  for (const it of breaks) {
    if (it.oursAmount === undefined || it.theirsOffset !== undefined) {
      const wrong = it.day + (it.theirsOffset ?? 0);
      // Nothing is taken away twice, and only what is there.
      expect(result.get(wrong)).toBe(it.theirsAmount);
      result.delete(wrong);
    }
  }
  for (const it of breaks) if (it.oursAmount !== undefined) result.set(it.day, it.oursAmount);
  return Object.fromEntries(result);
}

describe('comparing days', () => {
  it('says exactly what turns theirs into ours', () => {
    fc.assert(
      fc.property(days, days, (ours, theirs) => {
        expect(applied(theirs, breaksOf(ours, theirs))).toEqual(ours);
      }),
      { numRuns: 5_000 },
    );
  });

  it('says nothing when both are the same, and at most one thing of a reference and a day', () => {
    fc.assert(
      fc.property(days, days, (ours, theirs) => {
        expect(breaksOf(ours, ours)).toEqual([]);
        const found = breaksOf(ours, theirs).map((it) => it.day);
        expect(new Set(found).size).toBe(found.length);
      }),
    );
  });

  it('shows all of a difference in money: theirs and what the breaks say sum to ours', () => {
    const sum = (all: Days): number => Object.values(all).reduce((total, it) => total + it, 0);
    fc.assert(
      fc.property(days, days, (ours, theirs) => {
        const change = breaksOf(ours, theirs).reduce(
          (total, it) => total + (it.oursAmount ?? 0) - (it.theirsAmount ?? 0),
          0,
        );
        expect(sum(theirs) + change).toBe(sum(ours));
      }),
    );
  });
});

describe('days', () => {
  it('of a nightly run end with yesterday in UTC+9', () => {
    expect(nightlyDays(Date.parse('2026-11-21T19:00:00Z'))).toEqual({ from: '2026-11-13', to: '2026-11-21' });
    expect(nightlyDays(Date.parse('2026-11-22T14:59:59Z')).to).toBe('2026-11-21');
    expect(nightlyDays(Date.parse('2026-11-22T15:00:00Z')).to).toBe('2026-11-22');
  });

  it('are counted over months and leap years', () => {
    expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
    expect(addDays('2026-01-01', -1)).toBe('2025-12-31');
    expect(ageDays(0, 86_399_999)).toBe(0);
    expect(ageDays(0, 2 * 86_400_000)).toBe(2);
    expect(ageDays(10, 0)).toBe(0);
  });
});
