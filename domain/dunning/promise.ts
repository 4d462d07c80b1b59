import type { LocalCalendar } from './calendar.ts';
import type { DunningPolicy } from './policy.ts';
import { daysBetween } from './stage.ts';

/** What the user has told the issuer about paying. */
export interface PromiseToPay {
  readonly promisedMs: number;
  /** `YYYY-MM-DD` in the user's zone; none if no day was named. */
  readonly payOn: string | undefined;
  /** The user has stopped paying altogether, as the issuer knows. */
  readonly paymentsStopped: boolean;
  /** A newer promise has taken its place, or it was taken back; then it can no longer be broken. */
  readonly replacedMs: number | undefined;
}

/** Why a promise does not protect from reminders (any more). */
export const PROMISE_ENDS = [
  'NO_DAY_NAMED',
  'PAYMENTS_STOPPED',
  'BROKEN_RECENTLY',
  'TOO_FAR_AHEAD',
  'DAY_PASSED',
] as const;
export type PromiseEnd = (typeof PROMISE_ENDS)[number];

export type PromiseProtection =
  | { readonly protects: true; readonly untilMs: number }
  | { readonly protects: false; readonly why: PromiseEnd };

interface Case {
  readonly promise: PromiseToPay;
  readonly payOn: string;
  readonly lastBrokenMs: number | undefined;
  readonly policy: DunningPolicy;
  readonly calendar: LocalCalendar;
  readonly nowMs: number;
}

const DAY_MS = 86_400_000;

/** In this order: the first that holds is the reason. What was named holds to the end of its day (貸金業法21条1項2号). */
const RULES: readonly (readonly [PromiseEnd, (it: Case) => boolean])[] = [
  ['NO_DAY_NAMED', (it) => it.payOn === ''],
  ['PAYMENTS_STOPPED', (it) => it.promise.paymentsStopped],
  [
    'BROKEN_RECENTLY',
    ({ lastBrokenMs, promise, policy }) =>
      lastBrokenMs !== undefined &&
      promise.promisedMs - lastBrokenMs < policy.promiseBrokenWithinDays * DAY_MS,
  ],
  [
    'TOO_FAR_AHEAD',
    ({ promise, payOn, policy, calendar }) =>
      daysBetween(calendar.dayAt(promise.promisedMs).day, payOn) > policy.promiseMaxDays,
  ],
  ['DAY_PASSED', ({ payOn, calendar, nowMs }) => calendar.dayNamed(payOn).endMs <= nowMs],
];

/**
 * Whether the last of these promises keeps reminders away, and until when; undefined if there is none.
 *
 * @param promises oldest first
 * @param paidMs when repayments arrived
 */
export function promiseProtection(
  promises: readonly PromiseToPay[],
  paidMs: readonly number[],
  policy: DunningPolicy,
  calendar: LocalCalendar,
  nowMs: number,
): PromiseProtection | undefined {
  const promise = promises.at(-1);
  if (promise === undefined) return undefined;
  // A promise taken back without another protects as little as none.
  if (promise.replacedMs !== undefined) return undefined;
  const lastBrokenMs = promises
    .slice(0, -1)
    .map((it) => brokenMs(it, paidMs, calendar))
    .reduce((last, it) => (it !== undefined && (last === undefined || it > last) ? it : last), undefined);
  const payOn = promise.payOn ?? '';
  const it: Case = { promise, payOn, lastBrokenMs, policy, calendar, nowMs };
  for (const [why, holds] of RULES) if (holds(it)) return { protects: false, why };
  return { protects: true, untilMs: calendar.dayNamed(payOn).endMs };
}

/** When a promise was broken: its day ended, no newer one had come by then, and nothing was paid since it was given. */
function brokenMs(
  { promisedMs, payOn, replacedMs }: PromiseToPay,
  paidMs: readonly number[],
  calendar: LocalCalendar,
): number | undefined {
  if (payOn === undefined) return undefined;
  const { endMs } = calendar.dayNamed(payOn);
  if (replacedMs !== undefined && replacedMs < endMs) return undefined;
  return paidMs.some((it) => it >= promisedMs && it < endMs) ? undefined : endMs;
}
