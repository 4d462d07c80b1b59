import { isPublicHoliday } from '../../../db/public-holiday.ts';
import type { HolidayCalendar } from '../../../domain/dunning/policy.ts';
import type { RateTable } from '../../../domain/parking/rate-table.ts';

const MINUTE_MS = 60_000;
const HALF_HOUR_MS = 30 * MINUTE_MS;
const DAY_MS = 86_400_000;
const WEEKDAYS = ['THU', 'FRI', 'SAT', 'SUN', 'MON', 'TUE', 'WED'] as const;

interface Unit {
  readonly atMs: number;
  readonly stretch: number;
  readonly day: number;
  readonly amount: number;
  readonly max: number;
}

/**
 * The fee without tax on top, worked out a second time and slowly: somebody stands at the place, looks at the clock each minute and writes
 * down every unit that begins. Shares nothing with the tariff engine but the table; entry and exit are whole minutes.
 */
export function slowFee(
  table: RateTable,
  zone: string,
  holidays: HolidayCalendar,
  { entryMs, exitMs }: { entryMs: number; exitMs: number },
): number {
  const units = unitsBegun(table, zone, holidays, entryMs, exitMs);
  const perStretch = new Map<number, number>();
  const charged = units.map((unit) => {
    const before = perStretch.get(unit.stretch) ?? 0;
    const amount = Math.min(unit.amount, unit.max - before);
    perStretch.set(unit.stretch, before + amount);
    return { ...unit, amount };
  });
  const totals = table.caps.map((cap) => {
    const perPeriod = new Map<number, number>();
    for (const { atMs, day, amount } of charged) {
      const hours = (atMs - entryMs) / (60 * MINUTE_MS);
      const period = cap.kind === 'CALENDAR_DAY' ? day : Math.floor(hours / cap.hours);
      perPeriod.set(period, (perPeriod.get(period) ?? 0) + amount);
    }
    const isCapped = (period: number) => cap.kind === 'CALENDAR_DAY' || cap.repeats || period === 0;
    return sum([...perPeriod].map(([period, it]) => (isCapped(period) ? Math.min(it, cap.amount) : it)));
  });
  return Math.min(sum(charged.map((it) => it.amount)), ...totals);
}

function unitsBegun(
  table: RateTable,
  zone: string,
  holidays: HolidayCalendar,
  entryMs: number,
  exitMs: number,
): Unit[] {
  const clock = clockOf(zone);
  const freeUntilMs = entryMs + table.freeMinutes * MINUTE_MS;
  if (exitMs <= freeUntilMs) return [];
  const chargeFromMs = table.freeTime === 'CHARGED_IF_EXCEEDED' ? entryMs : freeUntilMs;
  const units: Unit[] = [];
  // The clock is watched from some hours before, to know whether an hour is shown a second time.
  let shown = clock(entryMs - 4 * 60 * MINUTE_MS);
  let stretch = 0;
  let lastBand = -1;
  let nextUnitMs = chargeFromMs;
  for (let atMs = entryMs - 4 * 60 * MINUTE_MS; atMs < exitMs; atMs += MINUTE_MS) {
    const before = shown;
    shown = Math.max(shown, clock(atMs));
    const day = Math.floor(shown / 1440);
    const index = bandAt(table, holidays, day, shown % 1440);
    const { [index]: band } = table.bands;
    if (band === undefined) throw new Error('no band');
    const opensAt = day * 1440 + minute(band.from);
    if (index !== lastBand || (before < opensAt && opensAt <= shown)) stretch += 1;
    const isBoundary = table.boundary === 'RESTART_AT_BOUNDARY' && index !== lastBand;
    lastBand = index;
    if (atMs < chargeFromMs || (atMs !== nextUnitMs && !isBoundary)) continue;
    units.push({ atMs, stretch, day, amount: band.unitAmount, max: band.maxAmount ?? Infinity });
    nextUnitMs = atMs + band.unitMinutes * MINUTE_MS;
  }
  return units;
}

function bandAt({ bands }: RateTable, holidays: HolidayCalendar, day: number, at: number): number {
  const name = new Date(day * DAY_MS).toISOString().slice(0, 10);
  const saysHoliday = bands.some((it) => it.days.includes('HOLIDAY'));
  const type = saysHoliday && isPublicHoliday(name, holidays) ? 'HOLIDAY' : WEEKDAYS[day % 7];
  return bands.findIndex(({ days, from, to }) => {
    const [first, end] = [minute(from), minute(to)];
    const isWithin = first < end ? first <= at && at < end : first <= at || at < end;
    return isWithin && days.some((it) => it === type);
  });
}

/** What the tables of zones and days have said already. */
const clocks = new Map<string, (atMs: number) => number>();

/** Minutes that the clock on the wall shows, counted from 1970-01-01 00:00 of its own. */
function clockOf(timeZone: string): (atMs: number) => number {
  const made = clocks.get(timeZone);
  if (made !== undefined) return made;
  const seen = new Map<number, number>();
  const form = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  });
  // Clocks change on the half hour, so one look in each tells the rest.
  const clock = (atMs: number): number => {
    const halfHourMs = Math.floor(atMs / HALF_HOUR_MS) * HALF_HOUR_MS;
    const minutes = (atMs - halfHourMs) / MINUTE_MS;
    const known = seen.get(halfHourMs);
    if (known !== undefined) return known + minutes;
    const of = Object.fromEntries(form.formatToParts(halfHourMs).map((it) => [it.type, Number(it.value)]));
    const { year = 0, month = 0, day = 0, hour = 0, minute: past = 0 } = of;
    const shown = Date.UTC(year, month - 1, day, hour, past) / MINUTE_MS;
    seen.set(halfHourMs, shown);
    return shown + minutes;
  };
  clocks.set(timeZone, clock);
  return clock;
}

function minute(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, it) => total + it, 0);
}
