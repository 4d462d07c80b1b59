import { taxOf } from './tax.ts';

/** A fee as its source says it: for the whole stay, or what an operator's server says is left to pay. */
export interface DueFee {
  /** Minor units, tax included. */
  readonly amount: number;
  readonly taxRatePercent: number;
  readonly taxAmount: number;
  /** Until when the same is owed. */
  readonly validUntilMs: number;
}

/** What was paid for a stay through us and not given back. */
export interface PaidForStay {
  readonly amount: number;
  /** Of that, what the operator's server has not heard of or does not count: a person has let the driver out for it. */
  readonly unheardAmount: number;
  /** Until when a driver who has paid may be out. */
  readonly exitByMs: number | undefined;
}

/** What a driver is shown. */
export interface Due {
  readonly amount: number;
  readonly taxAmount: number;
  readonly expiresAtMs: number;
  readonly exitByMs: number;
}

/** A quote is good for five minutes, or until the next step of the tariff, but for a minute at least: it has to be read and paid. */
export const QUOTE_MIN_MS = 60_000;
export const QUOTE_MAX_MS = 5 * 60_000;

/**
 * What is left to pay of a stay. Within the time to leave of what was paid, nothing is. An operator's server counts what it knows was
 * paid; what it has not heard of is taken off here, so that a driver whose operator is down does not pay twice.
 *
 * @param said OPERATOR: `amount` is what is left; KESSAI: it is the whole fee
 */
export function dueOf(
  said: 'OPERATOR' | 'KESSAI',
  fee: DueFee,
  paid: PaidForStay,
  { nowMs, exitGraceMs }: { readonly nowMs: number; readonly exitGraceMs: number },
): Due {
  const known = said === 'OPERATOR' ? paid.unheardAmount : paid.amount;
  const isInTime = said === 'KESSAI' && paid.exitByMs !== undefined && nowMs <= paid.exitByMs;
  const amount = isInTime ? 0 : Math.max(0, fee.amount - known);
  const expiresAtMs = Math.min(Math.max(fee.validUntilMs, nowMs + QUOTE_MIN_MS), nowMs + QUOTE_MAX_MS);
  return {
    amount,
    taxAmount: amount === fee.amount ? fee.taxAmount : taxOf(amount, fee.taxRatePercent, true),
    expiresAtMs,
    exitByMs: Math.max(expiresAtMs, fee.validUntilMs) + exitGraceMs,
  };
}
