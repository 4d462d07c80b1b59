/**
 * A day of the user's calendar as moments, in milliseconds since 1970. Days follow each other without gaps: one ends where the next
 * begins, after 23, 24 or 25 hours.
 */
export interface LocalDay {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Quiet hours are over. */
  readonly opensMs: number;
  /** Quiet hours begin. */
  readonly closesMs: number;
  /** The moment of a first contact. */
  readonly firstContactMs: number;
  readonly isHoliday: boolean;
}

/**
 * What the rules ask of the user's time zone and its holidays. Whoever has a library for that brings it: the rules reckon with what
 * it says and have no clock and no zones of their own.
 */
export interface LocalCalendar {
  /** The day in which a moment lies. */
  readonly dayAt: (atMs: number) => LocalDay;
  /** The day of this name, `YYYY-MM-DD`; where the zone left it out, the one after it. */
  readonly dayNamed: (day: string) => LocalDay;
}

/** Why nobody is contacted at a moment, and when that is over. */
export interface Closed {
  readonly reason: 'QUIET_HOURS' | 'HOLIDAY';
  readonly untilMs: number;
}

/** Whether a moment lies in the user's night or on a holiday. The moment quiet hours begin is quiet, the one they end is not. */
export function closedAt(calendar: LocalCalendar, atMs: number): Closed | undefined {
  const day = calendar.dayAt(atMs);
  if (day.isHoliday) return { reason: 'HOLIDAY', untilMs: day.endMs };
  if (atMs < day.opensMs) return { reason: 'QUIET_HOURS', untilMs: day.opensMs };
  if (atMs < day.closesMs) return undefined;
  return { reason: 'QUIET_HOURS', untilMs: calendar.dayAt(day.endMs).opensMs };
}
