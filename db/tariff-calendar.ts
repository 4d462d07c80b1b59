import { IANAZone } from 'luxon';
import type { HolidayCalendar } from '../domain/dunning/policy.ts';
import { WEEKDAYS, type ClockRun, type TariffCalendar, type TariffDay } from '../domain/parking/calendar.ts';
import { isPublicHoliday } from './public-holiday.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** No zone is further from UTC. */
const FAR_MS = 16 * 60 * MINUTE_MS;
/** 1970-01-01 was a Thursday. */
const FIRST_WEEKDAY = 3;
/** Days kept of one calendar: some years. */
const MAX_DAYS = 2_000;
/** Calendars kept: one for each zone there is. */
const MAX_CALENDARS = 600;

const known = new Map<string, TariffCalendar>();

/**
 * The calendar of a zone as tariffs take it: local time from luxon, holidays from date-holidays (docs/adr/0009-local-time.md,
 * docs/adr/0012-tariff-calendar.md). The API and activities ask it; a workflow never does, as its answer changes with the tables of this
 * process.
 *
 * @throws RangeError for a zone that luxon does not know
 */
export function tariffCalendar(timeZone: string, holidays: HolidayCalendar): TariffCalendar {
  const key = `${timeZone} ${holidays}`;
  const found = known.get(key) ?? makeCalendar(timeZone, holidays);
  if (known.size >= MAX_CALENDARS) known.clear();
  known.set(key, found);
  return found;
}

function makeCalendar(timeZone: string, holidays: HolidayCalendar): TariffCalendar {
  const zone = IANAZone.create(timeZone);
  if (!zone.isValid) throw new RangeError(`no time zone: ${timeZone}`);
  const days = new Map<number, TariffDay>();
  /** Who goes from day to day asks by where one begins. */
  const byStart = new Map<number, TariffDay>();
  const dayOf = (number: number): TariffDay => {
    const day = days.get(number) ?? tariffDay(zone, number, holidays);
    if (days.size >= MAX_DAYS) {
      days.clear();
      byStart.clear();
    }
    days.set(number, day);
    if (day.startMs < day.endMs) byStart.set(day.startMs, day);
    return day;
  };
  return {
    dayAt(atMs) {
      const begins = byStart.get(atMs);
      if (begins !== undefined) return begins;
      let number = Math.floor((atMs + offsetMs(zone, atMs)) / DAY_MS);
      // Where midnight is shown twice, the clock can be back on a day that is over; where a day is left out, it has no moment.
      while (dayOf(number).startMs > atMs) number -= 1;
      while (dayOf(number).endMs <= atMs) number += 1;
      return dayOf(number);
    },
  };
}

/** `number` counts days of the calendar since 1970-01-01. */
function tariffDay(zone: IANAZone, number: number, holidays: HolidayCalendar): TariffDay {
  const day = new Date(number * DAY_MS).toISOString().slice(0, 10);
  const startMs = startOf(zone, number);
  const endMs = startOf(zone, number + 1);
  const clock = runsOf(zone, startMs, endMs).map((run): ClockRun => ({
    atMs: run.atMs,
    minute: (run.atMs + run.offsetMs - number * DAY_MS) / MINUTE_MS,
  }));
  const weekday = WEEKDAYS[(((number + FIRST_WEEKDAY) % 7) + 7) % 7] ?? 'MON';
  return { day, weekday, isHoliday: isPublicHoliday(day, holidays), startMs, endMs, clock };
}

interface OffsetRun {
  readonly atMs: number;
  readonly offsetMs: number;
}

/** The moment at which the clock first shows a day, or passes over its midnight. */
function startOf(zone: IANAZone, number: number): number {
  const midnightMs = number * DAY_MS;
  const endMs = midnightMs + FAR_MS;
  const runs = runsOf(zone, midnightMs - FAR_MS, endMs);
  for (const [i, run] of runs.entries()) {
    const atMs = Math.max(run.atMs, midnightMs - run.offsetMs);
    if (atMs < (runs[i + 1]?.atMs ?? endMs)) return atMs;
  }
  return endMs;
}

/** The offsets from UTC within some hours. Clocks change once in that time at the most. */
function runsOf(zone: IANAZone, fromMs: number, toMs: number): OffsetRun[] {
  const first = { atMs: fromMs, offsetMs: offsetMs(zone, fromMs) };
  const last = offsetMs(zone, toMs - 1);
  if (first.offsetMs === last || toMs <= fromMs) return [first];
  let before = fromMs;
  let after = toMs - 1;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetMs(zone, middle) === last) after = middle;
    else before = middle;
  }
  return [first, { atMs: after, offsetMs: last }];
}

function offsetMs(zone: IANAZone, atMs: number): number {
  return zone.offset(atMs) * MINUTE_MS;
}
