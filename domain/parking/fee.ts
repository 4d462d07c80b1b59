import type { TariffCalendar } from './calendar.ts';
import { excessesOf, type Excess } from './cap.ts';
import { chargedBefore, chargesOf, daysOf, MINUTE_MS, type Charge, type Stay } from './charge.ts';
import { programmeOf, type Cap, type Programme, type RateTable } from './rate-table.ts';
import { taxOf } from './tax.ts';
import { whyBandMaximum, whyCap, whyFree, whyTax, whyUnits } from './why.ts';

export const FEE_LINE_KINDS = ['FREE', 'UNITS', 'BAND_MAXIMUM', 'CAP', 'TAX'] as const;

/** One step of the calculation. The amounts of all lines, in minor units, add up to the fee. */
export interface FeeLine {
  readonly kind: (typeof FEE_LINE_KINDS)[number];
  readonly fromMs: number;
  readonly toMs: number;
  /** Units charged; 0 on lines that charge none. */
  readonly units: number;
  /** Negative where a maximum takes something off. */
  readonly amount: number;
  readonly why: string;
}

export interface Fee {
  /** What the driver pays, tax included, in minor units. */
  readonly amount: number;
  readonly currency: string;
  readonly taxRatePercent: number;
  readonly taxIncluded: boolean;
  readonly taxAmount: number;
  readonly lines: readonly FeeLine[];
  /** For an exit up to this moment, itself included, the fee is the same. */
  readonly paidUntilMs: number;
}

/** A rate table made ready to reckon with; it is worth keeping for many stays. */
export interface Tariff {
  readonly table: RateTable;
  readonly programme: Programme;
}

/** The longest stay that is reckoned with: amounts stay exact, and nobody waits for it. */
export const MAX_STAY_MS = 366 * 24 * 60 * MINUTE_MS;

/** @param table one without `rateTableFaults` */
export function tariffOf(table: RateTable): Tariff {
  return { table, programme: programmeOf(table) };
}

/**
 * What a stay costs, line by line. Of all caps the one that leaves the lowest total counts.
 *
 * @throws RangeError for an exit before the entry or more than MAX_STAY_MS after it
 */
export function feeOf({ table, programme }: Tariff, calendar: TariffCalendar, stay: Stay): Fee {
  const { entryMs, exitMs } = stay;
  if (!(exitMs >= entryMs && exitMs - entryMs <= MAX_STAY_MS))
    throw new RangeError(`a stay lasts from 0 to ${MAX_STAY_MS} ms, not ${exitMs - entryMs}`);
  const freeUntilMs = entryMs + table.freeMinutes * MINUTE_MS;
  const days = daysOf(calendar, table, stay);
  const isFree = exitMs <= freeUntilMs;
  const chargeFromMs = table.freeTime === 'CHARGED_IF_EXCEEDED' ? entryMs : freeUntilMs;
  const charges = isFree ? [] : chargesOf(table, programme, days, { entryMs: chargeFromMs, exitMs });
  const cap = lowest(table.caps, (it) => excessesOf(it, charges, days, stay));
  const lines = [
    ...freeLines(table, stay, isFree ? exitMs : chargeFromMs),
    ...charges.flatMap((it) => chargeLines(table, it)),
    ...(cap?.excesses.map((it) => capLine(cap.cap, it)) ?? []),
  ];
  const charged = lines.reduce((sum, line) => sum + line.amount, 0);
  const taxAmount = taxOf(charged, table.taxRatePercent, table.taxIncluded);
  const onTop = table.taxIncluded ? 0 : taxAmount;
  if (onTop > 0) lines.push(taxLine(table, stay, onTop));
  return {
    amount: charged + onTop,
    currency: table.currency,
    taxRatePercent: table.taxRatePercent,
    taxIncluded: table.taxIncluded,
    taxAmount,
    lines,
    paidUntilMs: isFree ? freeUntilMs : Math.max(exitMs, charges.at(-1)?.toMs ?? exitMs),
  };
}

/** The cap that takes most off, the first of equals; undefined if none takes anything off. */
function lowest(
  caps: readonly Cap[],
  excessesUnder: (cap: Cap) => Excess[],
): { readonly cap: Cap; readonly excesses: readonly Excess[] } | undefined {
  let best: { cap: Cap; excesses: Excess[]; off: number } | undefined;
  for (const cap of caps) {
    const excesses = excessesUnder(cap);
    const off = excesses.reduce((sum, it) => sum + it.amount, 0);
    if (off > (best?.off ?? 0)) best = { cap, excesses, off };
  }
  return best;
}

function freeLines(table: RateTable, { entryMs }: Stay, toMs: number): FeeLine[] {
  if (toMs <= entryMs) return [];
  return [{ kind: 'FREE', fromMs: entryMs, toMs, units: 0, amount: 0, why: whyFree(table.freeMinutes) }];
}

function chargeLines({ bands }: RateTable, charge: Charge): FeeLine[] {
  const { [charge.band]: band } = bands;
  if (band === undefined) return [];
  const { fromMs, toMs, units } = charge;
  const full = units * charge.unitAmount;
  const off = full - chargedBefore(charge, Infinity);
  const line: FeeLine = { kind: 'UNITS', fromMs, toMs, units, amount: full, why: whyUnits(band, units) };
  if (off === 0) return [line];
  return [line, { kind: 'BAND_MAXIMUM', fromMs, toMs, units: 0, amount: -off, why: whyBandMaximum(band) }];
}

function capLine(cap: Cap, { fromMs, toMs, amount }: Excess): FeeLine {
  return { kind: 'CAP', fromMs, toMs, units: 0, amount: -amount, why: whyCap(cap) };
}

function taxLine(table: RateTable, { entryMs, exitMs }: Stay, amount: number): FeeLine {
  return {
    kind: 'TAX',
    fromMs: entryMs,
    toMs: exitMs,
    units: 0,
    amount,
    why: whyTax(table.taxRatePercent),
  };
}
