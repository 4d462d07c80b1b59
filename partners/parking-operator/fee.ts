import type { Tariff } from './schemas.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** How long a calculated fee is good for: until the next step of the tariff, within these bounds. */
const VALID_MS = { min: MINUTE_MS, max: 5 * MINUTE_MS };

export interface FeeLine {
  readonly description: string;
  readonly amount: number;
}

export interface Fee {
  /** For the whole stay so far, minor units, tax included: the sum of its lines. */
  readonly amount: number;
  readonly lines: readonly FeeLine[];
  readonly validUntil: Date;
}

/** A begun unit is charged whole, the first from the entry on; the day maximum holds for each 24 hours after entry. */
export function feeOf(tariff: Tariff, startedAt: Date, at: Date): Fee {
  const elapsedMs = Math.max(at.getTime() - startedAt.getTime(), 0);
  // What ends to the millisecond has begun nothing new, neither a unit nor a day.
  const fullDays = Math.max(Math.ceil(elapsedMs / DAY_MS) - 1, 0);
  const todayMs = elapsedMs - fullDays * DAY_MS;
  const lines = [...Array<number>(fullDays).fill(DAY_MS), todayMs].flatMap((ms) => linesOfDay(tariff, ms));
  const toStepMs = Math.min(unitsOf(tariff, todayMs) * tariff.unitMinutes * MINUTE_MS, DAY_MS) - todayMs;
  const validMs = Math.min(Math.max(toStepMs, VALID_MS.min), VALID_MS.max);
  return {
    amount: lines.reduce((sum, it) => sum + it.amount, 0),
    lines,
    validUntil: new Date(at.getTime() + validMs),
  };
}

function unitsOf({ unitMinutes }: Tariff, ms: number): number {
  return Math.max(Math.ceil(ms / (unitMinutes * MINUTE_MS)), 1);
}

function linesOfDay(tariff: Tariff, ms: number): FeeLine[] {
  const { unitMinutes, unitAmount, dayMaximum } = tariff;
  const units = unitsOf(tariff, ms);
  const amount = units * unitAmount;
  const lines = [{ description: `${units} x ${unitMinutes} min at ${unitAmount}`, amount }];
  if (dayMaximum === undefined || amount <= dayMaximum) return lines;
  return [...lines, { description: `At most ${dayMaximum} in 24 h`, amount: dayMaximum - amount }];
}

/** The tax in an amount that includes it; parts of a minor unit are dropped. */
export function taxIn(amount: number, ratePercent: number): number {
  return Math.floor((amount * ratePercent) / (100 + ratePercent));
}
