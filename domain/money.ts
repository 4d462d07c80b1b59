/**
 * An amount in integer minor units of its currency (JPY has none after the point, so 100 is 100 yen).
 * Amounts stay below 10^12 so that sums of many stay exact in a JavaScript number (2^53) and far inside a bigint.
 */
export interface Money {
  readonly amount: number;
  readonly currency: string;
}

/** Largest amount of one payment, top-up or line, in minor units. */
export const MAX_AMOUNT_MINOR = 999_999_999_999;

/** `1234567 JPY` for summaries that people read: grouped, without guessing minor-unit exponents. */
export function describeMoney(money: Money): string {
  return `${String(money.amount).replace(/\B(?=(\d{3})+(?!\d))/g, ',')} ${money.currency}`;
}
