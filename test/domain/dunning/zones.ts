import { assertDefined } from '../../../domain/assert.ts';
import type { LocalCalendar, LocalDay } from '../../../domain/dunning/calendar.ts';
import { DUNNING_POLICY } from '../../../domain/dunning/policy.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const FIRST_DAY_MS = Date.UTC(2025, 0, 1);
const DAYS = 4 * 366;

/** A zone as its offsets from UTC in minutes, each from a moment on: as simple as can be, so that it can be read. */
interface Zone {
  readonly offset: number;
  readonly changes?: readonly (readonly [fromUtc: string, offset: number])[];
  readonly holidays?: readonly string[];
}

/** New York's clocks go forward on 2026-03-08 at 07:00Z and back on 2026-11-01 at 06:00Z. */
export const NEW_YORK: Zone = {
  offset: -300,
  changes: [
    ['2026-03-08T07:00:00Z', -240],
    ['2026-11-01T06:00:00Z', -300],
  ],
};
export const TOKYO: Zone = { offset: 540 };
export const KOLKATA: Zone = { offset: 330 };

/** The calendar of such a zone, for the years 2025 to 2028, by table. */
export function calendarOf(zone: Zone, policy = DUNNING_POLICY): LocalCalendar {
  const days = Array.from({ length: DAYS }, (_, i) => localDay(zone, FIRST_DAY_MS + i * DAY_MS, policy));
  const byName = new Map(days.map((it) => [it.day, it]));
  const firstMs = assertDefined(days[0]).startMs;
  return {
    dayAt(atMs) {
      let i = Math.floor((atMs - firstMs) / DAY_MS);
      while ((days[i]?.endMs ?? Infinity) <= atMs) i += 1;
      while ((days[i]?.startMs ?? -Infinity) > atMs) i -= 1;
      return assertDefined(days[i]);
    },
    dayNamed: (day) => assertDefined(byName.get(day)),
  };
}

function localDay(zone: Zone, localMidnightMs: number, policy: typeof DUNNING_POLICY): LocalDay {
  const at = (minute: number): number => utcOf(zone, localMidnightMs + minute * MINUTE_MS);
  const day = new Date(localMidnightMs).toISOString().slice(0, 10);
  return {
    day,
    startMs: at(0),
    endMs: at(24 * 60),
    opensMs: at(policy.quietToMinute),
    closesMs: at(policy.quietFromMinute),
    firstContactMs: at(policy.firstContactMinute),
    isHoliday: zone.holidays?.includes(day) ?? false,
  };
}

/** None of the times asked for is one that a change leaves out or repeats. */
function utcOf({ offset, changes = [] }: Zone, localMs: number): number {
  let utcMs = localMs - offset * MINUTE_MS;
  for (const [from, changed] of changes) {
    const candidate = localMs - changed * MINUTE_MS;
    if (candidate >= Date.parse(from)) utcMs = candidate;
  }
  return utcMs;
}
