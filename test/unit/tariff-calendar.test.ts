import { describe, expect, it } from 'vitest';
import { holidaysOfZone, isPublicHoliday } from '../../db/public-holiday.ts';
import { tariffCalendar } from '../../db/tariff-calendar.ts';
import { momentOf } from '../../domain/parking/calendar.ts';

const HOUR_MS = 3_600_000;
/** Ordinary ones, and ones with changes at midnight, of half an hour, over a whole day. */
const ZONES = [
  'Asia/Tokyo',
  'Europe/Berlin',
  'America/New_York',
  'America/Santiago',
  'America/Havana',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Asia/Beirut',
  'Atlantic/Azores',
  'Africa/Casablanca',
  'Pacific/Apia',
];

const forms = new Map<string, Intl.DateTimeFormat>();

/** `YYYY-MM-DD HH:MM` as Node's own tables say. */
function shownAt(atMs: number, timeZone: string): string {
  const form =
    forms.get(timeZone) ??
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  forms.set(timeZone, form);
  return form.format(atMs);
}

describe.each(ZONES)('the calendar of %s', { timeout: 60_000 }, (zone) => {
  it('has days without gaps that begin when the clock first shows them, through 2010, 2011 and 2026', () => {
    const calendar = tariffCalendar(zone, 'none');
    for (const year of [2010, 2011, 2026]) {
      let day = calendar.dayAt(Date.UTC(year, 0, 1));
      while (day.startMs < Date.UTC(year + 1, 0, 1)) {
        expect(calendar.dayAt(day.startMs)).toBe(day);
        expect(calendar.dayAt(day.endMs - 1)).toBe(day);
        expect(shownAt(day.startMs, zone).slice(0, 10)).toBe(day.day);
        expect(shownAt(day.startMs - 1, zone) < day.day).toBe(true);
        const next = calendar.dayAt(day.endMs);
        expect(next.startMs).toBe(day.endMs);
        expect(next.day > day.day).toBe(true);
        day = next;
      }
    }
  });

  it('has clocks that show what Node says, at every half hour of 2026', () => {
    const calendar = tariffCalendar(zone, 'none');
    const wrong: string[] = [];
    for (let atMs = Date.UTC(2026, 0, 1); atMs < Date.UTC(2027, 0, 1); atMs += HOUR_MS / 2) {
      const day = calendar.dayAt(atMs);
      const run = day.clock.findLast((it) => it.atMs <= atMs);
      const minute = (run?.minute ?? NaN) + (atMs - (run?.atMs ?? NaN)) / 60_000;
      const shown = new Date(Date.parse(`${day.day}T00:00Z`) + minute * 60_000).toISOString();
      const isRight = shown.slice(0, 16).replace('T', ' ') === shownAt(atMs, zone);
      if (!isRight || momentOf(day, minute) > atMs) wrong.push(`${new Date(atMs).toISOString()}: ${shown}`);
    }
    expect(wrong).toEqual([]);
  });
});

describe('a moment of a day', () => {
  it('that is shown twice is the first, and one that is left out is the change of clocks', () => {
    const calendar = tariffCalendar('Europe/Berlin', 'none');
    const autumn = calendar.dayAt(Date.parse('2026-10-25T12:00Z'));
    expect(new Date(momentOf(autumn, 150)).toISOString()).toBe('2026-10-25T00:30:00.000Z');
    expect(new Date(momentOf(autumn, 180)).toISOString()).toBe('2026-10-25T02:00:00.000Z');
    const spring = calendar.dayAt(Date.parse('2026-03-29T12:00Z'));
    expect(new Date(momentOf(spring, 150)).toISOString()).toBe('2026-03-29T01:00:00.000Z');
    expect(momentOf(spring, 1_440)).toBe(spring.endMs);
  });
});

it('a day that a zone left out has no moments', () => {
  const calendar = tariffCalendar('Pacific/Apia', 'none');
  const before = calendar.dayAt(Date.parse('2011-12-30T09:59Z'));
  expect([before.day, calendar.dayAt(before.endMs).day]).toEqual(['2011-12-29', '2011-12-31']);
});

it('holidays follow from the zone: of Japan, Germany, the US; no holidays where the country is not known', () => {
  expect(
    ['Asia/Tokyo', 'Japan', 'Europe/Berlin', 'America/Chicago', 'Africa/Cairo'].map(holidaysOfZone),
  ).toEqual(['JP', 'JP', 'DE', 'US', 'none']);
  expect(isPublicHoliday('2026-09-22', 'JP')).toBe(true);
  expect(isPublicHoliday('2026-09-22', 'none')).toBe(false);
  expect(tariffCalendar('Asia/Tokyo', 'JP').dayAt(Date.parse('2026-10-12T00:00+09:00'))).toMatchObject({
    day: '2026-10-12',
    weekday: 'MON',
    isHoliday: true,
  });
});

it('a zone that is none is refused', () => {
  expect(() => tariffCalendar('Mars/Base', 'none')).toThrow(RangeError);
});
