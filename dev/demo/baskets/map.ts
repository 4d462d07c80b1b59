import type { PaymentItem } from '../../../domain/payment/payment.ts';
import type { Row } from './row.ts';

/** The API takes at most so many lines. */
export const MAX_LINES = 500;

export type SkipReason = 'total is zero' | 'total is negative' | 'more than 500 lines';

/** A basket of the file as a payment would carry it. */
export interface Basket {
  readonly basketId: string;
  readonly householdId: string;
  readonly storeId: string;
  readonly timestamp: string;
  readonly items: readonly PaymentItem[];
  readonly totalMinor: number;
  /** Undefined if it can be paid. */
  readonly skip: SkipReason | undefined;
  readonly rows: readonly Row[];
}

/** Baskets in the order of their time; of the same time, in the order of the file. */
export function toBaskets(rows: readonly Row[]): Basket[] {
  const byId = new Map<string, Row[]>();
  for (const row of rows) {
    const known = byId.get(row.basketId);
    if (known === undefined) byId.set(row.basketId, [row]);
    else known.push(row);
  }
  return [...byId.values()]
    .flatMap((ofBasket) => (ofBasket[0] === undefined ? [] : [toBasket(ofBasket[0], ofBasket)]))
    .toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0));
}

function toBasket(first: Row, rows: readonly Row[]): Basket {
  const items = rows
    .flatMap((row) => [saleLine(row), ...couponLine(row)])
    .map((item, index): PaymentItem => ({ lineNo: index + 1, ...item }));
  const totalMinor = items.reduce((sum, item) => sum + item.amount, 0);
  const { basketId, householdId, storeId, timestamp } = first;
  return {
    basketId,
    householdId,
    storeId,
    timestamp,
    items,
    totalMinor,
    skip: skipReason(totalMinor, items.length),
    rows,
  };
}

function skipReason(totalMinor: number, lines: number): SkipReason | undefined {
  if (totalMinor === 0) return 'total is zero';
  if (totalMinor < 0) return 'total is negative';
  return lines > MAX_LINES ? 'more than 500 lines' : undefined;
}

type Line = Omit<PaymentItem, 'lineNo'>;

function saleLine(row: Row): Line {
  const quantity = pieces(row);
  return {
    name: nameOf(row),
    ...categoryOf(row),
    quantity,
    unitAmount: unitAmount(row.salesMinor, quantity),
    amount: row.salesMinor,
  };
}

/**
 * The manufacturer's coupon, as a line that takes off what the customer does not pay. In the file (The Complete Journey)
 * `sales_value` is what the retailer receives, and the maker pays the retailer for the coupon. The prices bear it out: of the
 * 43 lines with such a coupon alone whose product is also sold without one, 42 have the usual price in
 * `sales_value + retail_disc`, so the coupon is not in it; of the 41 lines with a match by the retailer, 39 have it only in
 * `sales_value + retail_disc + coupon_match_disc`, so the match is.
 */
function couponLine(row: Row): Line[] {
  if (row.couponMinor === 0) return [];
  const amount = -row.couponMinor;
  const name = `coupon: ${nameOf(row)}`.slice(0, MAX_NAME);
  return [{ name, ...categoryOf(row), quantity: 1, unitAmount: amount, amount }];
}

const MAX_NAME = 200;
const MAX_CATEGORY = 100;

/** A receipt line must have a name; 68 lines of the real file have none. */
function nameOf(row: Row): string {
  return (row.type || row.category || `product ${row.productId}`).slice(0, MAX_NAME);
}

/** The finer of the file's two groupings: a rule on what may be bought says CIGARETTES, not GROCERY. */
function categoryOf(row: Row): { category?: string } {
  const category = row.category || row.department;
  return category === '' ? {} : { category: category.slice(0, MAX_CATEGORY) };
}

/** Fuel is in thousandths of a gallon in the file (16165 for 37.00 dollars is 16.165 gallons at 2.289). */
export function isFuel(row: Row): boolean {
  return row.type.startsWith('GASOLINE');
}

function pieces(row: Row): number {
  return isFuel(row) ? Number((row.quantity / 1_000).toFixed(3)) : row.quantity;
}

/** Of a line without pieces the unit is the line itself. */
function unitAmount(amount: number, quantity: number): number {
  if (quantity === 0) return amount;
  const unit = Math.round(amount / quantity);
  return unit === 0 ? 0 : unit;
}

/** Whether the unit amount of a row had to be rounded. */
export function isUnitRounded(row: Row): boolean {
  const quantity = pieces(row);
  return quantity !== 0 && Math.abs(unitAmount(row.salesMinor, quantity) * quantity - row.salesMinor) > 1e-6;
}
