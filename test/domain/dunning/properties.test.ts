import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closedAt } from '../../../domain/dunning/calendar.ts';
import {
  nextContact,
  pauseMs,
  unopenedInARow,
  type DunningFacts,
} from '../../../domain/dunning/next-contact.ts';
import { DUNNING_POLICY, type DunningPolicy } from '../../../domain/dunning/policy.ts';
import { calendarOf, KOLKATA, NEW_YORK, TOKYO } from './zones.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const CALENDARS = [
  calendarOf({ ...TOKYO, holidays: ['2026-05-04', '2026-05-05', '2026-05-06'] }),
  calendarOf({ ...NEW_YORK, holidays: ['2026-11-26'] }),
  calendarOf(KOLKATA),
];
const START_MS = Date.UTC(2026, 0, 1);

const policies: fc.Arbitrary<DunningPolicy> = fc
  .record({
    base: fc.integer({ min: 1, max: 200 }),
    more: fc.integer({ min: 0, max: 200 }),
    min: fc.integer({ min: 1, max: 100 }),
    factor: fc.constantFrom(0.1, 0.5, 0.9, 1),
    maxPer7Days: fc.integer({ min: 1, max: 9 }),
    maxMessages: fc.integer({ min: 1, max: 30 }),
  })
  .map(({ base, more, min, factor, maxPer7Days, maxMessages }) => ({
    ...DUNNING_POLICY,
    baseIntervalMs: (base + min) * HOUR_MS,
    minIntervalMs: min * HOUR_MS,
    openedIntervalMs: (base + min + more) * HOUR_MS,
    unopenedFactor: factor,
    maxPer7Days,
    maxMessages,
  }));

/** What happens after each contact: nothing; it is opened after a while; contacts are held off; nobody looks; somebody pays. */
const story = fc.array(
  fc.oneof(
    fc.constant({ kind: 'silent' as const }),
    fc.record({ kind: fc.constant('opened' as const), afterMs: fc.integer({ min: 0, max: 3 * DAY_MS }) }),
    fc.record({ kind: fc.constant('held' as const), hours: fc.integer({ min: 0, max: 500 }) }),
    fc.record({ kind: fc.constant('away' as const), hours: fc.integer({ min: 0, max: 200 }) }),
    fc.record({ kind: fc.constant('paid' as const), hours: fc.integer({ min: 0, max: 200 }) }),
  ),
  { minLength: 1, maxLength: 30 },
);

const campaigns = fc.record({
  policy: policies,
  calendar: fc.constantFrom(...CALENDARS),
  registeredMs: fc.integer({ min: 0, max: 300 * 24 * 60 }).map((minutes) => START_MS + minutes * 60_000),
  dueInDays: fc.integer({ min: -40, max: 40 }),
  story,
});
type Campaign = typeof campaigns extends fc.Arbitrary<infer T> ? T : never;

/** Plays a campaign; `check` sees each plan with the facts it was made from, before it is carried out. */
function play(
  { policy, calendar, registeredMs, dueInDays, story: events }: Campaign,
  check: (facts: DunningFacts, plan: ReturnType<typeof nextContact>, nowMs: number) => void,
): number[] {
  const dueOn = new Date(registeredMs + dueInDays * DAY_MS).toISOString().slice(0, 10);
  let facts: DunningFacts = { registeredMs, dueOn, sentMs: [] };
  let nowMs = registeredMs;
  for (const event of events) {
    if (event.kind === 'held') facts = { ...facts, holdUntilMs: nowMs + event.hours * HOUR_MS };
    if (event.kind === 'away' || event.kind === 'paid') nowMs += event.hours * HOUR_MS;
    if (event.kind === 'paid') facts = { ...facts, noticedMs: [...(facts.noticedMs ?? []), nowMs] };
    const plan = nextContact(facts, policy, calendar, nowMs);
    check(facts, plan, nowMs);
    if (plan.kind === 'EXHAUSTED') break;
    nowMs = plan.atMs;
    facts = { ...facts, sentMs: [...facts.sentMs, nowMs], noticedMs: [] };
    if (event.kind === 'opened') {
      nowMs += event.afterMs;
      // Opened at a time when the next one may be due already: it is looked at then.
      facts = { ...facts, lastOpenedMs: nowMs };
    }
  }
  return [...facts.sentMs];
}

function always(check: Parameters<typeof play>[1], campaign: Campaign): number[] {
  return play(campaign, check);
}

describe('whatever the policy, the zone and what happens, a contact', () => {
  it('is never in quiet hours or on a holiday', () => {
    fc.assert(
      fc.property(campaigns, (campaign) => {
        for (const sentMs of always(() => undefined, campaign))
          expect(closedAt(campaign.calendar, sentMs)).toBeUndefined();
      }),
    );
  });

  it('is never one too many in any seven days', () => {
    fc.assert(
      fc.property(campaigns, (campaign) => {
        const sent = always(() => undefined, campaign);
        const { maxPer7Days } = campaign.policy;
        sent.forEach((sentMs, i) => {
          const within = sent.slice(i).filter((it) => it < sentMs + 7 * DAY_MS);
          expect(within.length).toBeLessThanOrEqual(maxPer7Days);
        });
      }),
    );
  });

  it('is never before its pause is over, nor in the past', () => {
    fc.assert(
      fc.property(campaigns, (campaign) => {
        always((facts, plan, nowMs) => {
          const lastMs = facts.sentMs.at(-1) ?? -Infinity;
          const pause = pauseMs(campaign.policy, unopenedInARow(facts));
          expect(plan.atMs).toBeGreaterThanOrEqual(Math.max(nowMs, lastMs + pause));
        }, campaign);
      }),
    );
  });

  it('always comes while the debt is open, until there have been enough, and every move has its reason', () => {
    fc.assert(
      fc.property(campaigns, (campaign) => {
        always((facts, plan, nowMs) => {
          expect(plan.kind).toBe(facts.sentMs.length < campaign.policy.maxMessages ? 'CONTACT' : 'EXHAUSTED');
          expect(Number.isFinite(plan.atMs)).toBe(true);
          expect(plan.deferrals.at(-1)?.untilMs ?? Math.max(plan.dueMs, nowMs)).toBe(plan.atMs);
          const moments = [Math.max(plan.dueMs, nowMs), ...plan.deferrals.map((it) => it.untilMs)];
          expect(moments).toEqual([...new Set(moments)].sort((a, b) => a - b));
        }, campaign);
      }),
    );
  });

  it('is moved by payments a shortest pause at the most, and then not before that pause is over', () => {
    fc.assert(
      fc.property(campaigns, (campaign) => {
        const { minIntervalMs } = campaign.policy;
        always(({ noticedMs = [] }, plan) => {
          for (const { reason, untilMs } of plan.deferrals)
            if (reason === 'PAYMENT_NOTICE') expect(untilMs).toBeLessThanOrEqual(plan.dueMs + minIntervalMs);
          if (plan.kind !== 'CONTACT') return;
          for (const it of noticedMs)
            if (it <= plan.dueMs) expect(plan.atMs).toBeGreaterThanOrEqual(it + minIntervalMs);
        }, campaign);
      }),
    );
  });

  it('comes no sooner if a message has been opened than if none has, and later the later it was', () => {
    fc.assert(
      fc.property(campaigns, fc.nat({ max: 10 * DAY_MS }), (campaign, afterMs) => {
        always((facts, plan, nowMs) => {
          const lastMs = facts.sentMs.at(-1);
          if (lastMs === undefined) return;
          const lastOpenedMs = Math.max(facts.lastOpenedMs ?? -Infinity, lastMs - 5 * DAY_MS + afterMs);
          const opened = nextContact({ ...facts, lastOpenedMs }, campaign.policy, campaign.calendar, nowMs);
          expect(opened.atMs).toBeGreaterThanOrEqual(plan.atMs);
        }, campaign);
      }),
    );
  });
});
