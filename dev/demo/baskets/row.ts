import type { Column } from './csv.ts';

/** One line of a till receipt. Money in minor units (a cent of the file is one). */
export interface Row {
  readonly line: number;
  readonly basketId: string;
  readonly householdId: string;
  readonly storeId: string;
  /** `YYYY-MM-DD HH:MM:SS`, local to the store: it can be compared as text. */
  readonly timestamp: string;
  readonly productId: string;
  readonly department: string;
  readonly category: string;
  readonly type: string;
  readonly quantity: number;
  readonly salesMinor: number;
  readonly retailDiscountMinor: number;
  readonly couponMinor: number;
  readonly couponMatchMinor: number;
}

export type RowResult =
  { readonly kind: 'row'; readonly row: Row } | { readonly kind: 'faults'; readonly faults: string[] };

const ID = /^[A-Za-z0-9._-]{1,40}$/;
const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)$/;
const MAX_QUANTITY = 1_000_000;

/** Reads one line and finds every fault of it. */
export function readRow(line: number, cell: (column: Column) => string): RowResult {
  const faults: string[] = [];
  const id = (column: Column): string => {
    const text = cell(column);
    if (!ID.test(text)) faults.push(`${column} "${text}" is not 1 to 40 of A-Z a-z 0-9 . _ -`);
    return text;
  };
  const words = (column: Column): string => {
    const text = cell(column);
    if (/[\p{Cc}\p{Cs}]/u.test(text)) faults.push(`${column} has control characters`);
    return text.trim();
  };
  const money = (column: Column): number => {
    const minor = toMinor(cell(column));
    if (typeof minor === 'number') return minor;
    faults.push(`${column} ${minor.fault}`);
    return 0;
  };
  const discount = (column: Column): number => {
    const minor = money(column);
    if (minor < 0) faults.push(`${column} "${cell(column)}" is negative: a discount is a positive amount`);
    return minor;
  };
  const row: Row = {
    line,
    basketId: id('basket_id'),
    householdId: id('household_id'),
    storeId: id('store_id'),
    timestamp: cell('timestamp_local'),
    productId: words('product_id'),
    department: words('department'),
    category: words('product_category'),
    type: words('product_type'),
    quantity: Number(cell('quantity')),
    salesMinor: money('sales_value'),
    retailDiscountMinor: discount('retail_disc'),
    couponMinor: discount('coupon_disc'),
    couponMatchMinor: discount('coupon_match_disc'),
  };
  if (!isTimestamp(row.timestamp)) {
    faults.push(`timestamp_local "${row.timestamp}" is not a time like 2017-01-31 19:18:35`);
  }
  if (row.productId === '') faults.push('product_id is empty');
  if (!/^-?\d+(\.\d{1,6})?$/.test(cell('quantity'))) {
    faults.push(`quantity "${cell('quantity')}" is not a number`);
  } else if (Math.abs(row.quantity) > MAX_QUANTITY) {
    faults.push(`quantity ${cell('quantity')} is more than ${MAX_QUANTITY}`);
  }
  return faults.length > 0 ? { kind: 'faults', faults } : { kind: 'row', row };
}

/** `-1.9` is -190. By its digits, not by a multiplication: 1.15 * 100 is not 115. */
export function toMinor(text: string): number | { readonly fault: string } {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d{1,9})(?:\.(\d{1,12}))?$/.exec(text) ?? [];
  if (whole === '') return { fault: `"${text}" is not an amount like 12.99` };
  if (/[1-9]/.test(fraction.slice(2))) return { fault: `"${text}" has a fraction of a cent` };
  const minor = Number(whole) * 100 + Number(fraction.slice(0, 2).padEnd(2, '0'));
  return sign === '-' && minor !== 0 ? -minor : minor;
}

function isTimestamp(text: string): boolean {
  const parts = TIMESTAMP.exec(text);
  if (parts === null) return false;
  // A 31 February would become a March day, and not come back as it went in.
  const date = new Date(`${text.replace(' ', 'T')}Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text.replace(' ', 'T'));
}
