const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Rules of the daily reconciliation. */
export const RECONCILIATION_POLICY = {
  /** A day is compared once it has been over for so long: what was decided before midnight has been written by then. */
  graceMs: 5 * 60_000,
  /** The nightly run looks at so many days: a phone's journal may come for seven, a merchant's file later than its day. */
  lookBackDays: 9,
  /** Days before those are looked at for as long as they have an open break, up to this age of it. */
  openBreakDays: 90,
  /** An offline payment that still waits for its journal so long after its deadline has lost its workflow. */
  overdueMs: DAY_MS,
  /** And so has a payment that waits so long for its issuer: after five days a person is asked. */
  undecidedMs: 6 * DAY_MS,
} as const;

/** The operators' clock: the nightly run begins at 04:00 in UTC+9, which has no daylight saving. */
export const NIGHTLY = { hour: 4, timeZone: 'Asia/Tokyo', offsetMs: 9 * HOUR_MS } as const;

/** A day of the calendar, `YYYY-MM-DD`, so many days later. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The days that the nightly run that begins at `startMs` looks at, the last of them the operators' yesterday. */
export function nightlyDays(startMs: number): { from: string; to: string } {
  const today = new Date(startMs + NIGHTLY.offsetMs).toISOString().slice(0, 10);
  const to = addDays(today, -1);
  return { from: addDays(to, 1 - RECONCILIATION_POLICY.lookBackDays), to };
}

/** Whole days between two moments, at least 0. */
export function ageDays(fromMs: number, toMs: number): number {
  return Math.max(0, Math.floor((toMs - fromMs) / DAY_MS));
}
