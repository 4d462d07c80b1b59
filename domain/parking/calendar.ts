export const WEEKDAYS = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

const MINUTE_MS = 60_000;

/**
 * A day of a place's calendar as data. Days follow each other without gaps: one ends where the next begins, after 23, 24 or 25 hours;
 * a day that the zone left out has no length.
 */
export interface TariffDay {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  readonly weekday: Weekday;
  readonly isHoliday: boolean;
  readonly startMs: number;
  readonly endMs: number;
  /** What the clock on the wall shows: from `atMs` on it runs from `minute`. One entry, and one more for each change of clocks. */
  readonly clock: readonly ClockRun[];
}

export interface ClockRun {
  readonly atMs: number;
  /** Minutes since midnight that the clock shows then. */
  readonly minute: number;
}

/**
 * What the tariff asks of the place's time zone and its holidays. Whoever has a library for that brings it: the tariff reckons with
 * what it says and has no zones of its own.
 */
export interface TariffCalendar {
  /** The day in which a moment lies. */
  readonly dayAt: (atMs: number) => TariffDay;
}

/**
 * The moment at which the clock has first reached a minute of the day, 0 to 1,440: an hour that is shown twice counts the first time, in
 * one that is left out every minute is the moment of the change.
 */
export function momentOf(day: TariffDay, minute: number): number {
  for (const [i, run] of day.clock.entries()) {
    const untilMs = day.clock[i + 1]?.atMs ?? day.endMs;
    const atMs = run.atMs + Math.max(0, minute - run.minute) * MINUTE_MS;
    if (atMs < untilMs) return atMs;
  }
  return day.endMs;
}
