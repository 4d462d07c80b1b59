import { momentOf, type TariffCalendar, type TariffDay } from './calendar.ts';
import { segmentsOn, type Band, type Programme, type RateTable } from './rate-table.ts';

export const MINUTE_MS = 60_000;

/** A band from where it begins to where it ends, once; across midnight in one. */
interface Stretch {
  readonly band: number;
  readonly fromMs: number;
  toMs: number;
}

/** The units that begin in one stretch of a band. */
export interface Charge {
  readonly band: number;
  /** Where the first unit begins. */
  readonly fromMs: number;
  /** Where the last one ends, or is cut off at a boundary. */
  readonly toMs: number;
  readonly unitMs: number;
  readonly unitAmount: number;
  readonly units: number;
  readonly maxAmount: number;
}

/** What the units of a charge that begin before a moment come to, its band's maximum kept. */
export function chargedBefore(charge: Charge, beforeMs: number): number {
  const begun = Math.ceil((beforeMs - charge.fromMs) / charge.unitMs);
  const units = Math.min(Math.max(begun, 0), charge.units);
  return Math.min(units * charge.unitAmount, charge.maxAmount);
}

export interface Stay {
  readonly entryMs: number;
  readonly exitMs: number;
}

/** The days of a stay in the place's calendar, and those into which its last unit can reach; none without length. */
export function daysOf(
  calendar: TariffCalendar,
  { bands }: RateTable,
  { entryMs, exitMs }: Stay,
): TariffDay[] {
  const reachMs = exitMs + Math.max(...bands.map((it) => it.unitMinutes)) * MINUTE_MS;
  const days = [calendar.dayAt(entryMs)];
  for (let day = days[0]; day !== undefined && day.endMs <= reachMs; days.push(day))
    day = calendar.dayAt(day.endMs);
  return days;
}

/**
 * Counts units through a stay. Within a band one follows the other; a begun one is charged whole. Where another band begins, UNIT_BY_START
 * lets the unit run to its end, RESTART_AT_BOUNDARY begins a new one.
 */
export function chargesOf(
  table: RateTable,
  programme: Programme,
  days: readonly TariffDay[],
  { entryMs: fromMs, exitMs }: Stay,
): Charge[] {
  const charges: Charge[] = [];
  const stretches = stretchesOf(programme, days);
  let nextUnitMs = fromMs;
  let lastBand: number | undefined;
  for (const [i, stretch] of stretches.entries()) {
    if (nextUnitMs >= exitMs && stretch.fromMs >= exitMs) break;
    const { [stretch.band]: band } = table.bands;
    if (band === undefined || stretch.toMs <= fromMs) continue;
    const isBoundary = table.boundary === 'RESTART_AT_BOUNDARY' && lastBand !== stretch.band;
    if (isBoundary) nextUnitMs = Math.max(fromMs, stretch.fromMs);
    lastBand = stretch.band;
    const units = unitsUntil(band, nextUnitMs, Math.min(stretch.toMs, exitMs));
    if (units === 0) continue;
    const endMs = nextUnitMs + units * band.unitMinutes * MINUTE_MS;
    const cutMs = table.boundary === 'RESTART_AT_BOUNDARY' ? boundaryAfter(stretches, i, endMs) : undefined;
    charges.push(chargeOf(band, stretch.band, nextUnitMs, cutMs ?? endMs, units));
    nextUnitMs = endMs;
  }
  return charges;
}

/** Where another band begins before a moment, after the stretch of this index. */
function boundaryAfter(stretches: readonly Stretch[], index: number, beforeMs: number): number | undefined {
  const band = stretches[index]?.band;
  for (let i = index + 1; i < stretches.length; i += 1) {
    const { [i]: next } = stretches;
    if (next === undefined || next.fromMs >= beforeMs) return undefined;
    if (next.band !== band) return next.fromMs;
  }
  return undefined;
}

function unitsUntil(band: Band, fromMs: number, toMs: number): number {
  return Math.max(0, Math.ceil((toMs - fromMs) / (band.unitMinutes * MINUTE_MS)));
}

function chargeOf(band: Band, index: number, fromMs: number, toMs: number, units: number): Charge {
  return {
    band: index,
    fromMs,
    toMs,
    unitMs: band.unitMinutes * MINUTE_MS,
    unitAmount: band.unitAmount,
    units,
    maxAmount: band.maxAmount ?? Infinity,
  };
}

function stretchesOf(programme: Programme, days: readonly TariffDay[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const day of days) {
    for (const segment of segmentsOn(programme, day)) {
      const fromMs = momentOf(day, segment.fromMinute);
      const toMs = momentOf(day, segment.toMinute);
      if (fromMs >= toMs) continue;
      const last = stretches.at(-1);
      if (!segment.opens && last?.band === segment.band) last.toMs = toMs;
      else stretches.push({ band: segment.band, fromMs, toMs });
    }
  }
  return stretches;
}
