import { describe, expect, it } from 'vitest';
import { localCalendar } from '../../activities/local-calendar.ts';
import { closedAt } from '../../domain/dunning/calendar.ts';
import { DUNNING_POLICY } from '../../domain/dunning/policy.ts';
import { calendarOf, KOLKATA, NEW_YORK, TOKYO } from '../domain/dunning/zones.ts';

const HOUR_MS = 3_600_000;
const utc = (atMs: number): string => new Date(atMs).toISOString();

describe('the calendar of a zone', () => {
  it.each([
    ['Asia/Tokyo', TOKYO],
    ['America/New_York', NEW_YORK],
    ['Asia/Kolkata', KOLKATA],
  ])('%s is the one worked out by hand, on every day of 2026', (timeZone, byHand) => {
    const ours = localCalendar(timeZone, DUNNING_POLICY);
    const theirs = calendarOf(byHand);
    for (let atMs = Date.UTC(2026, 0, 2); atMs < Date.UTC(2027, 0, 1); atMs += 11 * HOUR_MS) {
      const day = ours.dayAt(atMs);
      expect(day).toEqual(theirs.dayAt(atMs));
      expect(ours.dayNamed(day.day)).toEqual(day);
    }
  });

  it('has days without gaps where midnight or a whole day is left out', () => {
    // Beirut's clocks go forward at midnight; Samoa had no 30 December 2011.
    const beirut = localCalendar('Asia/Beirut', DUNNING_POLICY).dayNamed('2026-03-29');
    expect(utc(beirut.startMs)).toBe('2026-03-28T22:00:00.000Z');
    expect(utc(beirut.opensMs)).toBe('2026-03-29T05:00:00.000Z');
    const samoa = localCalendar('Pacific/Apia', DUNNING_POLICY);
    const before = samoa.dayNamed('2011-12-29');
    expect(samoa.dayAt(before.endMs).day).toBe('2011-12-31');
  });

  it.each([
    ['JP', 'Asia/Tokyo', '2026-05-06', true],
    ['JP', 'Asia/Tokyo', '2026-05-07', false],
    ['JP', 'America/New_York', '2026-11-03', true],
    ['US', 'America/New_York', '2026-11-26', true],
    ['US', 'America/New_York', '2026-11-25', false],
    ['none', 'Asia/Tokyo', '2026-01-01', false],
  ] as const)('with holidays of %s in %s: %s is %s', (holidays, timeZone, day, expected) => {
    const calendar = localCalendar(timeZone, { ...DUNNING_POLICY, holidays });
    expect(calendar.dayNamed(day).isHoliday).toBe(expected);
    const noonMs = calendar.dayNamed(day).startMs + 12 * HOUR_MS;
    expect(closedAt(calendar, noonMs)?.reason).toBe(expected ? 'HOLIDAY' : undefined);
  });

  it('of a zone that is none is refused', () => {
    expect(() => localCalendar('Mars/Olympus', DUNNING_POLICY).dayAt(0)).toThrow(RangeError);
  });
});
