import Holidays from 'date-holidays';
import { DateTime } from 'luxon';
import { HOLIDAY_CALENDARS, type HolidayCalendar } from '../domain/dunning/policy.ts';

/** A century of each country: nobody's calendar goes further. */
const MAX_YEARS = 1_100;
const known = new Map<string, ReadonlySet<string>>();
/** Zones remembered: more than there are names. */
const MAX_ZONES = 1_000;
const ofZone = new Map<string, HolidayCalendar>();

/** Whether a day, `YYYY-MM-DD`, is a public holiday of a country, whatever zone the reader is in. */
export function isPublicHoliday(day: string, country: HolidayCalendar): boolean {
  if (country === 'none') return false;
  const year = Number(day.slice(0, 4));
  const key = `${country} ${year}`;
  const found = known.get(key) ?? daysOf(country, year);
  if (known.size >= MAX_YEARS) known.clear();
  known.set(key, found);
  return found.has(day);
}

function daysOf(country: HolidayCalendar, year: number): ReadonlySet<string> {
  const holidays = new Holidays(country, { types: ['public'] });
  return new Set(holidays.getHolidays(year).flatMap(daysOfHoliday));
}

/** Some last for several days. */
function daysOfHoliday({ date, start, end }: { date: string; start: Date; end: Date }): string[] {
  const first = DateTime.fromISO(date.slice(0, 10), { zone: 'utc' });
  const count = Math.max(1, Math.round((end.getTime() - start.getTime()) / 86_400_000));
  return Array.from({ length: count }, (_, i) => first.plus({ days: i }).toISODate() ?? '');
}

/** The country whose holidays a time zone keeps, among those known; `none` for others. */
export function holidaysOfZone(timeZone: string): HolidayCalendar {
  const found = ofZone.get(timeZone) ?? findHolidays(timeZone);
  if (ofZone.size >= MAX_ZONES) ofZone.clear();
  ofZone.set(timeZone, found);
  return found;
}

function findHolidays(timeZone: string): HolidayCalendar {
  const canonical = new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone;
  const country = HOLIDAY_CALENDARS.find((it) => it !== 'none' && zonesOf(it).includes(canonical));
  return country ?? 'none';
}

/** An accessor that newer versions of the language have made a method. */
interface LocaleWithZones {
  readonly timeZones?: readonly string[];
  readonly getTimeZones?: () => readonly string[];
}

function zonesOf(country: string): readonly string[] {
  const locale = new Intl.Locale(`und-${country}`) as LocaleWithZones;
  return locale.getTimeZones?.() ?? locale.timeZones ?? [];
}
