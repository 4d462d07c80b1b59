import { describe, expect, it } from 'vitest';
import { DUNNING_POLICY } from '../../../domain/dunning/policy.ts';
import { promiseProtection, type PromiseToPay } from '../../../domain/dunning/promise.ts';
import { calendarOf, TOKYO } from './zones.ts';

const calendar = calendarOf(TOKYO);
const at = (text: string): number => Date.parse(`${text}+09:00`);
const promise = (promised: string, payOn?: string, more: Partial<PromiseToPay> = {}): PromiseToPay => ({
  promisedMs: at(promised),
  payOn,
  paymentsStopped: false,
  replacedMs: undefined,
  ...more,
});
const ask = (promises: PromiseToPay[], now: string, paid: string[] = []) =>
  promiseProtection(promises, paid.map(at), DUNNING_POLICY, calendar, at(now));

describe('a promise to pay', () => {
  const given = promise('2026-06-01T10:00:00', '2026-06-20');

  it('protects to the end of its day, in the zone of the user', () => {
    const untilMs = at('2026-06-21T00:00:00');
    expect(ask([given], '2026-06-01T10:00:00')).toEqual({ protects: true, untilMs });
    expect(ask([given], '2026-06-20T23:59:59')).toEqual({ protects: true, untilMs });
    expect(ask([given], '2026-06-21T00:00:00')).toEqual({ protects: false, why: 'DAY_PASSED' });
  });

  it.each([
    ['names no day', [promise('2026-06-01T10:00:00')], 'NO_DAY_NAMED'],
    [
      'comes from someone who has stopped paying',
      [promise('2026-06-01T10:00:00', '2026-06-20', { paymentsStopped: true })],
      'PAYMENTS_STOPPED',
    ],
    ['is further off than a month', [promise('2026-06-01T10:00:00', '2026-07-03')], 'TOO_FAR_AHEAD'],
    [
      'follows one that was broken',
      [promise('2026-05-01T10:00:00', '2026-05-10'), promise('2026-06-01T10:00:00', '2026-06-20')],
      'BROKEN_RECENTLY',
    ],
  ])('protects nobody if it %s', (_, promises, why) => {
    expect(ask(promises, '2026-06-02T10:00:00')).toEqual({ protects: false, why });
  });

  it('that was kept, or replaced before its day, counts as unbroken for the next one', () => {
    const old = promise('2026-05-01T10:00:00', '2026-05-10');
    const protects = { protects: true };
    expect(ask([old, given], '2026-06-02T10:00:00', ['2026-05-09T10:00:00'])).toMatchObject(protects);
    const renewed = { ...old, replacedMs: at('2026-05-09T10:00:00') };
    expect(ask([renewed, given], '2026-06-02T10:00:00')).toMatchObject(protects);
    // Replaced when it had been broken already.
    const late = { ...old, replacedMs: at('2026-06-01T10:00:00') };
    expect(ask([late, given], '2026-06-02T10:00:00')).toMatchObject({ why: 'BROKEN_RECENTLY' });
  });

  it('is believed again two months after one that was broken', () => {
    const old = promise('2026-03-01T10:00:00', '2026-03-10');
    expect(ask([old, given], '2026-06-02T10:00:00')).toMatchObject({ protects: true });
  });
});

it('without a promise nothing is said', () => {
  expect(ask([], '2026-06-02T10:00:00')).toBeUndefined();
});
