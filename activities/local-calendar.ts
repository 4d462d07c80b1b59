import { DateTime } from 'luxon';
import { isPublicHoliday } from '../db/public-holiday.ts';
import type { LocalCalendar, LocalDay } from '../domain/dunning/calendar.ts';
import type { DunningPolicy } from '../domain/dunning/policy.ts';

type CalendarPolicy = Pick<
  DunningPolicy,
  'quietFromMinute' | 'quietToMinute' | 'firstContactMinute' | 'holidays'
>;

/** Days kept in memory: some years of each of a few dozen zones and policies. */
const MAX_DAYS = 50_000;
const known = new Map<string, LocalDay>();

/**
 * The calendar of a zone as the rules of dunning take it. Only activities may ask it: zones and holidays change with the tables of
 * this process, and a workflow that is replayed must hear what it heard before.
 *
 * @throws RangeError for a zone that luxon does not know
 */
export function localCalendar(timeZone: string, policy: CalendarPolicy): LocalCalendar {
  const key = [
    timeZone,
    policy.quietFromMinute,
    policy.quietToMinute,
    policy.firstContactMinute,
    policy.holidays,
  ].join(' ');
  const dayOf = (start: DateTime): LocalDay => {
    const name = start.toISODate() ?? '';
    const found = known.get(`${key} ${name}`) ?? localDay(start, policy);
    if (known.size >= MAX_DAYS) known.clear();
    known.set(`${key} ${name}`, found);
    return found;
  };
  return {
    dayAt: (atMs) => dayOf(valid(DateTime.fromMillis(atMs, { zone: timeZone })).startOf('day')),
    dayNamed: (day) => dayOf(valid(DateTime.fromISO(day, { zone: timeZone })).startOf('day')),
  };
}

function localDay(start: DateTime, policy: CalendarPolicy): LocalDay {
  // By the clock on the wall, so that a day of 23 or 25 hours opens at the same hour as any other.
  const at = (minute: number): number =>
    start.set({ hour: Math.floor(minute / 60), minute: minute % 60 }).toMillis();
  return {
    day: start.toISODate() ?? '',
    startMs: start.toMillis(),
    endMs: start.plus({ days: 1 }).startOf('day').toMillis(),
    opensMs: at(policy.quietToMinute),
    closesMs: at(policy.quietFromMinute),
    firstContactMs: at(policy.firstContactMinute),
    isHoliday: isPublicHoliday(start.toISODate() ?? '', policy.holidays),
  };
}

function valid(time: DateTime): DateTime {
  if (!time.isValid) throw new RangeError(`${time.invalidReason ?? 'invalid time'}: ${time.zoneName ?? ''}`);
  return time;
}
