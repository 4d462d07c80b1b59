import { chargedBefore, MINUTE_MS, type Charge, type Stay } from './charge.ts';
import type { TariffDay } from './calendar.ts';
import type { Cap } from './rate-table.ts';

interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a cap takes off in one of its periods; `amount` is above 0. */
export interface Excess extends Period {
  readonly amount: number;
}

/** What a cap takes off a stay, period by period. A unit belongs to the period in which it begins. */
export function excessesOf(
  cap: Cap,
  charges: readonly Charge[],
  days: readonly TariffDay[],
  stay: Stay,
): Excess[] {
  const excesses: Excess[] = [];
  let first = 0;
  for (const period of periodsOf(cap, days, stay)) {
    while (first < charges.length && lastUnitMs(charges[first]) < period.fromMs) first += 1;
    let charged = 0;
    for (let i = first; i < charges.length; i += 1) {
      const { [i]: charge } = charges;
      if (charge === undefined || charge.fromMs >= period.toMs) break;
      charged += chargedBefore(charge, period.toMs) - chargedBefore(charge, period.fromMs);
    }
    if (charged > cap.amount) excesses.push({ ...period, amount: charged - cap.amount });
  }
  return excesses;
}

function lastUnitMs(charge: Charge | undefined): number {
  return charge === undefined ? Infinity : charge.fromMs + (charge.units - 1) * charge.unitMs;
}

function periodsOf(cap: Cap, days: readonly TariffDay[], { entryMs, exitMs }: Stay): Period[] {
  if (cap.kind === 'CALENDAR_DAY')
    return days.map(({ startMs, endMs }) => ({ fromMs: startMs, toMs: endMs }));
  const lengthMs = cap.hours * 60 * MINUTE_MS;
  const count = cap.repeats ? Math.max(1, Math.ceil((exitMs - entryMs) / lengthMs)) : 1;
  return Array.from({ length: count }, (_, i) => ({
    fromMs: entryMs + i * lengthMs,
    toMs: entryMs + (i + 1) * lengthMs,
  }));
}
