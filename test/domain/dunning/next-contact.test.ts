import { describe, expect, it } from 'vitest';
import {
  nextContact,
  pauseMs,
  raisesNoSignalFlag,
  type DunningFacts,
  type NextContact,
} from '../../../domain/dunning/next-contact.ts';
import { DUNNING_POLICY, policyFaults, type DunningPolicy } from '../../../domain/dunning/policy.ts';
import { calendarOf, KOLKATA, NEW_YORK, TOKYO } from './zones.ts';

const HOUR_MS = 3_600_000;
const ms = (text: string): number => Date.parse(text);
const tokyo = calendarOf(TOKYO);

/** Long overdue, and told at noon in Tokyo. */
function facts(it: Partial<DunningFacts> = {}): DunningFacts {
  return { registeredMs: ms('2026-06-01T12:00:00+09:00'), dueOn: '2026-01-01', sentMs: [], ...it };
}

function plan(
  it: Partial<DunningFacts>,
  policy: DunningPolicy = DUNNING_POLICY,
  calendar = tokyo,
): NextContact {
  const all = facts(it);
  return nextContact(all, policy, calendar, all.sentMs.at(-1) ?? all.registeredMs);
}

/** What a plan says, readable: the moment in UTC and why it was moved. */
function said({ atMs, deferrals }: NextContact): string[] {
  return [new Date(atMs).toISOString(), ...deferrals.map((it) => it.reason)];
}

/** A contact due 72 h after the only one so far; `due` says when. */
function dueAt(due: string, calendar = tokyo, more: Partial<DunningFacts> = {}): NextContact {
  return plan({ sentMs: [ms(due) - 72 * HOUR_MS], ...more }, DUNNING_POLICY, calendar);
}

describe('the pause after messages', () => {
  it.each([
    [1, 72],
    [2, 36],
    [3, 18],
    [4, 12],
    [5, 12],
    [9, 12],
    [0, 120],
  ])('after %i unopened in a row is %i h', (unopened, hours) => {
    expect(pauseMs(DUNNING_POLICY, unopened)).toBe(hours * HOUR_MS);
  });
});

describe('a campaign whose messages nobody opens', () => {
  it('contacts after 72, 36, 18, 12, 12 h, moved out of the night, until seven days are full', () => {
    const sentMs: number[] = [];
    const timeline: string[] = [];
    for (let i = 0; i < 9; i += 1) {
      const next = plan({ sentMs });
      timeline.push(said(next).join(' '));
      sentMs.push(next.atMs);
    }
    expect(timeline).toEqual([
      '2026-06-01T03:00:00.000Z',
      // 72 h: noon again
      '2026-06-04T03:00:00.000Z',
      // 36 h: midnight, so 08:00 in Tokyo
      '2026-06-05T23:00:00.000Z QUIET_HOURS',
      // 18 h: 02:00, so 08:00
      '2026-06-06T23:00:00.000Z QUIET_HOURS',
      // 12 h: 20:00
      '2026-06-07T11:00:00.000Z',
      // 12 h: 08:00
      '2026-06-07T23:00:00.000Z',
      '2026-06-08T11:00:00.000Z',
      '2026-06-08T23:00:00.000Z',
      // 12 h would be the eighth in seven days: the second has to be seven days old.
      '2026-06-11T03:00:00.000Z SEVEN_DAY_CAP',
    ]);
  });

  it('is exhausted a pause after the last of maxMessages, whatever the hour', () => {
    const policy = { ...DUNNING_POLICY, maxMessages: 3 };
    const last = ms('2026-06-06T20:00:00+09:00');
    const sentMs = [last - 200 * HOUR_MS, last - 100 * HOUR_MS, last];
    expect(plan({ sentMs }, policy)).toEqual({
      kind: 'EXHAUSTED',
      reason: 'EXHAUSTED',
      atMs: last + 18 * HOUR_MS,
      dueMs: last + 18 * HOUR_MS,
      deferrals: [],
    });
    // Nobody gives up on a promise that is running.
    const promisedUntilMs = last + 48 * HOUR_MS;
    expect(plan({ sentMs, promisedUntilMs }, policy)).toMatchObject({
      kind: 'EXHAUSTED',
      atMs: promisedUntilMs,
      deferrals: [{ reason: 'PROMISE', untilMs: promisedUntilMs }],
    });
  });
});

describe('a debt whose due day was moved after its first messages', () => {
  it('is not reminded of before the morning after its new due day', () => {
    const sentMs = [ms('2026-06-01T12:00:00+09:00')];
    expect(said(plan({ sentMs, dueOn: '2026-06-30' }))).toEqual(['2026-07-01T00:00:00.000Z', 'NOT_DUE_YET']);
    // Nor given up.
    const policy = { ...DUNNING_POLICY, maxMessages: 1 };
    expect(plan({ sentMs, dueOn: '2026-06-30' }, policy)).toMatchObject({
      kind: 'EXHAUSTED',
      atMs: ms('2026-07-01T09:00:00+09:00'),
    });
    expect(said(plan({ sentMs, dueOn: '2026-06-02' }))).toEqual(['2026-06-04T03:00:00.000Z']);
  });
});

describe('a reminder that follows a payment with which the user was told of the debt', () => {
  const sentMs = [ms('2026-06-01T10:00:00+09:00')];
  const dueMs = ms('2026-06-04T10:00:00+09:00');
  const after = (...hours: number[]): NextContact =>
    plan({ sentMs, noticedMs: hours.map((it) => dueMs + it * HOUR_MS) });

  it('comes no sooner than a shortest pause after it, and says why', () => {
    expect(said(after(-20, -2))).toEqual(['2026-06-04T11:00:00.000Z', 'PAYMENT_NOTICE']);
  });

  it('is not moved by one long before, nor further by those after it was due', () => {
    expect(said(after(-12))).toEqual(['2026-06-04T01:00:00.000Z']);
    expect(said(after(-2, 1, 5, 9))).toEqual(['2026-06-04T11:00:00.000Z', 'PAYMENT_NOTICE']);
  });
});

describe('a message that is opened', () => {
  const sentMs = [0, 72, 108, 126].map((hours) => ms('2026-06-01T12:00:00+09:00') + hours * HOUR_MS);
  const lastMs = sentMs.at(-1) ?? 0;

  it('makes the pause 120 h, counted from the last contact', () => {
    const lastOpenedMs = lastMs + HOUR_MS;
    const next = nextContact(facts({ sentMs, lastOpenedMs }), DUNNING_POLICY, tokyo, lastOpenedMs);
    expect(next).toMatchObject({ reason: 'AFTER_OPENED', dueMs: lastMs + 120 * HOUR_MS });
  });

  it('after three unopened takes back what they had shortened, and the next unopened begins at 72 h', () => {
    const opened = { sentMs: [...sentMs, lastMs + 120 * HOUR_MS], lastOpenedMs: lastMs };
    expect(plan(opened)).toMatchObject({
      reason: 'AFTER_UNOPENED',
      dueMs: lastMs + (120 + 72) * HOUR_MS,
    });
  });

  it('counts also if it is an older one, opened after the last was sent', () => {
    expect(plan({ sentMs, lastOpenedMs: lastMs + 1 }).reason).toBe('AFTER_OPENED');
    expect(plan({ sentMs, lastOpenedMs: lastMs - 1 })).toMatchObject({
      reason: 'AFTER_UNOPENED',
      dueMs: lastMs + 72 * HOUR_MS,
    });
  });
});

describe('a contact due', () => {
  it.each([
    ['at 20:59 goes out', '2026-06-10T20:59:00+09:00', ['2026-06-10T11:59:00.000Z']],
    ['at 21:00 waits for 08:00', '2026-06-10T21:00:00+09:00', ['2026-06-10T23:00:00.000Z', 'QUIET_HOURS']],
    ['at 07:59 waits for 08:00', '2026-06-10T07:59:59+09:00', ['2026-06-09T23:00:00.000Z', 'QUIET_HOURS']],
    ['at 08:00 goes out', '2026-06-10T08:00:00+09:00', ['2026-06-09T23:00:00.000Z']],
  ])('%s', (_, due, expected) => {
    expect(said(dueAt(due))).toEqual(expected);
  });

  it('on a holiday waits for the morning after it, and a holiday after a night is another move', () => {
    const golden = calendarOf({ ...TOKYO, holidays: ['2026-05-04', '2026-05-05', '2026-05-06'] });
    const morning = '2026-05-06T23:00:00.000Z';
    expect(said(dueAt('2026-05-05T12:00:00+09:00', golden))).toEqual([
      morning,
      'HOLIDAY',
      'HOLIDAY',
      'QUIET_HOURS',
    ]);
    expect(said(dueAt('2026-05-03T22:00:00+09:00', golden))).toEqual([
      morning,
      'QUIET_HOURS',
      'HOLIDAY',
      'HOLIDAY',
      'HOLIDAY',
      'QUIET_HOURS',
    ]);
  });

  it('in the night in which New York changes its clocks waits for 08:00 of the new time', () => {
    const newYork = calendarOf(NEW_YORK);
    // 08:00 is 12:00Z in summer, 13:00Z in winter.
    expect(said(dueAt('2026-03-08T01:30:00-05:00', newYork))).toEqual([
      '2026-03-08T12:00:00.000Z',
      'QUIET_HOURS',
    ]);
    expect(said(dueAt('2026-03-07T21:00:00-05:00', newYork))).toEqual([
      '2026-03-08T12:00:00.000Z',
      'QUIET_HOURS',
    ]);
    expect(said(dueAt('2026-11-01T01:30:00-04:00', newYork))).toEqual([
      '2026-11-01T13:00:00.000Z',
      'QUIET_HOURS',
    ]);
    expect(said(dueAt('2026-11-01T20:59:00-05:00', newYork))).toEqual(['2026-11-02T01:59:00.000Z']);
    expect(said(dueAt('2026-11-01T21:00:00-05:00', newYork))).toEqual([
      '2026-11-02T13:00:00.000Z',
      'QUIET_HOURS',
    ]);
  });

  it('in a zone half an hour off keeps its minutes', () => {
    const kolkata = calendarOf(KOLKATA);
    expect(said(dueAt('2026-06-10T20:59:00+05:30', kolkata))).toEqual(['2026-06-10T15:29:00.000Z']);
    expect(said(dueAt('2026-06-10T21:00:00+05:30', kolkata))).toEqual([
      '2026-06-11T02:30:00.000Z',
      'QUIET_HOURS',
    ]);
  });

  it('while nothing ran for three days goes out once, now, or in the morning', () => {
    const all = facts({ sentMs: [ms('2026-06-01T12:00:00+09:00')] });
    const noon = ms('2026-06-07T12:00:00+09:00');
    expect(nextContact(all, DUNNING_POLICY, tokyo, noon)).toMatchObject({ atMs: noon, deferrals: [] });
    const night = ms('2026-06-07T23:00:00+09:00');
    expect(said(nextContact(all, DUNNING_POLICY, tokyo, night))).toEqual([
      '2026-06-07T23:00:00.000Z',
      'QUIET_HOURS',
    ]);
  });

  it.each([
    ['a hold', 'HOLD', { holdUntilMs: ms('2026-06-20T22:00:00+09:00') }],
    ['a promise', 'PROMISE', { promisedUntilMs: ms('2026-06-21T00:00:00+09:00') }],
    ['a repayment under way', 'REPAYMENT_UNDER_WAY', { repayingUntilMs: ms('2026-06-20T22:00:00+09:00') }],
  ])('is moved by %s, and from its end out of the night', (_, reason, more) => {
    expect(said(dueAt('2026-06-10T12:00:00+09:00', tokyo, more))).toEqual([
      '2026-06-20T23:00:00.000Z',
      reason,
      'QUIET_HOURS',
    ]);
  });

  it('is not moved by what is over', () => {
    const over = ms('2026-06-10T11:59:00+09:00');
    const more = { holdUntilMs: over, promisedUntilMs: over, repayingUntilMs: over };
    expect(said(dueAt('2026-06-10T12:00:00+09:00', tokyo, more))).toEqual(['2026-06-10T03:00:00.000Z']);
  });
});

describe('the first contact', () => {
  it('of a debt that was due before comes at registration, by day', () => {
    expect(said(plan({}))).toEqual(['2026-06-01T03:00:00.000Z']);
    expect(said(plan({ registeredMs: ms('2026-06-01T22:00:00+09:00') }))).toEqual([
      '2026-06-01T23:00:00.000Z',
      'QUIET_HOURS',
    ]);
  });

  it('of a debt that is not due yet comes at 09:00 of the day after, in the zone of the user', () => {
    const newYork = calendarOf(NEW_YORK);
    const due = { dueOn: '2026-03-07', registeredMs: ms('2026-03-01T12:00:00Z') };
    expect(said(plan(due))).toEqual(['2026-03-08T00:00:00.000Z']);
    expect(said(plan(due, DUNNING_POLICY, newYork))).toEqual(['2026-03-08T13:00:00.000Z']);
  });

  it('does not come while it is still the day it is due', () => {
    const due = { dueOn: '2026-06-01', registeredMs: ms('2026-06-01T23:59:59+09:00') };
    expect(said(plan(due))).toEqual(['2026-06-02T00:00:00.000Z']);
    expect(said(plan({ ...due, registeredMs: ms('2026-06-02T00:00:00+09:00') }))).toEqual([
      '2026-06-01T23:00:00.000Z',
      'QUIET_HOURS',
    ]);
  });
});

describe('the flag for the issuer', () => {
  it('is raised by three messages in a row of which no phone gave a sign', () => {
    expect(raisesNoSignalFlag(DUNNING_POLICY, ['NO_SIGNAL', 'NO_SIGNAL'])).toBe(false);
    expect(raisesNoSignalFlag(DUNNING_POLICY, ['OPENED', 'NO_SIGNAL', 'NO_SIGNAL', 'NO_SIGNAL'])).toBe(true);
    expect(raisesNoSignalFlag(DUNNING_POLICY, ['NO_SIGNAL', 'NO_SIGNAL', 'UNOPENED'])).toBe(false);
  });
});

describe('a policy', () => {
  it('by default has no faults', () => {
    expect(policyFaults(DUNNING_POLICY)).toEqual([]);
  });

  it('that would contact sooner after an opened message, or never sleep, is named as faulty', () => {
    const bad = {
      ...DUNNING_POLICY,
      openedIntervalMs: 1,
      quietToMinute: 1_300,
      unopenedFactor: 0,
      stages: [],
    };
    expect(policyFaults(bad)).toHaveLength(4);
  });
});
