/** Decimal places of a percentage that count. */
const PARTS_OF_PERCENT = 1_000;
const WHOLE = BigInt(100 * PARTS_OF_PERCENT);

/**
 * The tax in, or on, an amount in minor units. What is less than a minor unit falls away, once for the whole amount
 * (国税庁 適格請求書等保存方式 Q&A: one rounding per invoice and rate; which way is the seller's choice).
 */
export function taxOf(amountMinor: number, taxRatePercent: number, taxIncluded: boolean): number {
  const rate = BigInt(Math.round(taxRatePercent * PARTS_OF_PERCENT));
  // Whole numbers of any size: the product is beyond what a double holds exactly.
  return Number((BigInt(amountMinor) * rate) / (taxIncluded ? WHOLE + rate : WHOLE));
}
