import { closedAt, type LocalCalendar } from './calendar.ts';
import type { DunningPolicy } from './policy.ts';

const SEVEN_DAYS_MS = 7 * 86_400_000;

/** What decides when the next message goes out. Times are milliseconds since 1970. */
export interface DunningFacts {
  readonly registeredMs: number;
  /** `YYYY-MM-DD` in the user's zone. */
  readonly dueOn: string;
  /** When messages were sent, in rising order. */
  readonly sentMs: readonly number[];
  /** When one of them was opened last, as a moment not before it was sent. */
  readonly lastOpenedMs?: number | undefined;
  readonly holdUntilMs?: number | undefined;
  /** See `promiseProtection`. */
  readonly promisedUntilMs?: number | undefined;
  /** When the user was told of the debt with a payment, since the last message. */
  readonly noticedMs?: readonly number[];
  /** A repayment is on its way to the issuer; it is looked at again then. */
  readonly repayingUntilMs?: number | undefined;
}

export const DEFERRAL_REASONS = [
  'NOT_DUE_YET',
  'HOLD',
  'PROMISE',
  'REPAYMENT_UNDER_WAY',
  'PAYMENT_NOTICE',
  'SEVEN_DAY_CAP',
  'QUIET_HOURS',
  'HOLIDAY',
] as const;
export type DeferralReason = (typeof DEFERRAL_REASONS)[number];

/** One move of a contact to a later moment. */
export interface Deferral {
  readonly reason: DeferralReason;
  readonly untilMs: number;
}

export type ContactReason = 'FIRST_CONTACT' | 'AFTER_OPENED' | 'AFTER_UNOPENED' | 'EXHAUSTED';

export interface NextContact {
  /** A message; or, when there have been enough, the end of the campaign. */
  readonly kind: 'CONTACT' | 'EXHAUSTED';
  readonly atMs: number;
  /** What set `dueMs`. */
  readonly reason: ContactReason;
  /** When it was due before it was moved. */
  readonly dueMs: number;
  /** Why it was moved, in the order of the moves. */
  readonly deferrals: readonly Deferral[];
}

/**
 * When an open debt's user is contacted next, and why then. First at `firstContactMinute` of the day after it was due, or at
 * registration if that is later than its due day; then after the pause that fits how the last messages were received. It is moved,
 * never dropped, by a due day that was moved ahead, a hold, a promise, a repayment under way, a notice with a payment, the cap of seven days, quiet hours and
 * holidays. What should have gone out before `nowMs` goes out once.
 */
export function nextContact(
  facts: DunningFacts,
  policy: DunningPolicy,
  calendar: LocalCalendar,
  nowMs: number,
): NextContact {
  const { dueMs, reason } = dueContact(facts, policy, calendar);
  const isExhausted = facts.sentMs.length >= policy.maxMessages;
  const fixed = fixedMoves(facts, policy, calendar, dueMs, isExhausted);
  const deferrals: Deferral[] = [];
  let atMs = Math.max(dueMs, nowMs);
  for (;;) {
    const move = moveOf(fixed, isExhausted ? undefined : calendar, atMs);
    if (move === undefined) break;
    deferrals.push(move);
    atMs = move.untilMs;
  }
  return isExhausted
    ? { kind: 'EXHAUSTED', atMs, reason: 'EXHAUSTED', dueMs, deferrals }
    : { kind: 'CONTACT', atMs, reason, dueMs, deferrals };
}

/** Messages in a row, up to now, that were sent after somebody last opened one. */
export function unopenedInARow({ sentMs, lastOpenedMs }: DunningFacts): number {
  if (lastOpenedMs === undefined) return sentMs.length;
  let count = 0;
  for (let i = sentMs.length - 1; i >= 0 && (sentMs[i] ?? 0) > lastOpenedMs; i -= 1) count += 1;
  return count;
}

/** The pause after the last message: long after one that was opened, shorter with each that was not. */
export function pauseMs(policy: DunningPolicy, unopened: number): number {
  if (unopened === 0) return policy.openedIntervalMs;
  return Math.max(policy.minIntervalMs, policy.baseIntervalMs * policy.unopenedFactor ** (unopened - 1));
}

/** Whether so many messages in a row gave no sign of having reached a phone that the issuer is told. */
export function raisesNoSignalFlag(
  policy: DunningPolicy,
  signals: readonly ('OPENED' | 'UNOPENED' | 'NO_SIGNAL')[],
): boolean {
  const last = signals.slice(-policy.noSignalFlagAfter);
  return last.length === policy.noSignalFlagAfter && last.every((it) => it === 'NO_SIGNAL');
}

function dueContact(
  facts: DunningFacts,
  policy: DunningPolicy,
  calendar: LocalCalendar,
): { dueMs: number; reason: ContactReason } {
  const lastMs = facts.sentMs.at(-1);
  if (lastMs === undefined) return { dueMs: firstContactMs(facts, calendar), reason: 'FIRST_CONTACT' };
  const unopened = unopenedInARow(facts);
  return {
    dueMs: lastMs + pauseMs(policy, unopened),
    reason: unopened === 0 ? 'AFTER_OPENED' : 'AFTER_UNOPENED',
  };
}

/** HTTP contract, Dunning: at registration if `dueOn` has passed, else at 09:00 local on the day after it. */
function firstContactMs({ dueOn, registeredMs }: DunningFacts, calendar: LocalCalendar): number {
  const due = calendar.dayNamed(dueOn);
  return registeredMs >= due.endMs ? registeredMs : calendar.dayAt(due.endMs).firstContactMs;
}

/** The due day was moved behind the last message: nothing is said of the debt, nor given up, before it has passed. */
function dueAgainMs({ dueOn, sentMs }: DunningFacts, calendar: LocalCalendar): number | undefined {
  const due = calendar.dayNamed(dueOn);
  return due.endMs > (sentMs.at(-1) ?? Infinity) ? calendar.dayAt(due.endMs).firstContactMs : undefined;
}

/** Moves to a moment that is known beforehand, each at most once. */
function fixedMoves(
  facts: DunningFacts,
  policy: DunningPolicy,
  calendar: LocalCalendar,
  dueMs: number,
  isExhausted: boolean,
): readonly Deferral[] {
  const moves: Deferral[] = [];
  const add = (reason: DeferralReason, untilMs: number | undefined): void => {
    if (untilMs !== undefined) moves.push({ reason, untilMs });
  };
  add('NOT_DUE_YET', dueAgainMs(facts, calendar));
  add('HOLD', facts.holdUntilMs);
  add('PROMISE', facts.promisedUntilMs);
  add('REPAYMENT_UNDER_WAY', facts.repayingUntilMs);
  if (!isExhausted) add('PAYMENT_NOTICE', noticeUntilMs(facts, policy, dueMs));
  const first = facts.sentMs.at(-policy.maxPer7Days);
  const isCapped = !isExhausted && facts.sentMs.length >= policy.maxPer7Days && first !== undefined;
  add('SEVEN_DAY_CAP', isCapped ? first + SEVEN_DAYS_MS : undefined);
  return moves;
}

/**
 * A user who has just been told on the screen of a payment is not told again by a message at once. What comes after a message is due
 * moves it no further: it waits a shortest pause at the most, however often somebody pays.
 */
function noticeUntilMs(
  { noticedMs = [] }: DunningFacts,
  policy: DunningPolicy,
  dueMs: number,
): number | undefined {
  const before = noticedMs.filter((it) => it <= dueMs);
  return before.length === 0 ? undefined : Math.max(...before) + policy.minIntervalMs;
}

/** @param calendar none for what the user does not see */
function moveOf(
  fixed: readonly Deferral[],
  calendar: LocalCalendar | undefined,
  atMs: number,
): Deferral | undefined {
  for (const it of fixed) if (it.untilMs > atMs) return it;
  return calendar === undefined ? undefined : closedAt(calendar, atMs);
}
