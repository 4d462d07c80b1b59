import { isFuel, isUnitRounded, type Basket } from './map.ts';
import type { Row } from './row.ts';

/** What is in a file, counted from its rows; amounts in minor units. */
export interface FileFacts {
  readonly baskets: number;
  readonly households: number;
  readonly stores: number;
  readonly rows: number;
  readonly lines: number;
  readonly zeroLines: number;
  readonly negativeLines: number;
  readonly zeroQuantities: number;
  readonly fractionalQuantities: number;
  readonly fuelRows: number;
  readonly amountsWithCents: number;
  readonly unitsRounded: number;
  readonly unnamed: number;
  readonly sales: number;
  readonly coupons: { readonly count: number; readonly amount: number };
  readonly couponMatches: { readonly count: number; readonly amount: number };
  readonly retailDiscounts: { readonly count: number; readonly amount: number };
  /** What the customers of the file pay: sales without manufacturers' coupons. */
  readonly total: number;
}

/** Counted from the rows alone, so that it can be held against what was paid. */
export function factsOf(rows: readonly Row[], baskets: readonly Basket[]): FileFacts {
  const items = baskets.flatMap((basket) => basket.items);
  const count = (test: (row: Row) => boolean): number => rows.filter(test).length;
  const sum = (value: (row: Row) => number): number => rows.reduce((total, row) => total + value(row), 0);
  const countAndSum = (value: (row: Row) => number) => ({
    count: count((row) => value(row) !== 0),
    amount: sum(value),
  });
  const sales = sum((row) => row.salesMinor);
  const coupons = countAndSum((row) => row.couponMinor);
  return {
    baskets: baskets.length,
    households: new Set(rows.map((row) => row.householdId)).size,
    stores: new Set(rows.map((row) => row.storeId)).size,
    rows: rows.length,
    lines: items.length,
    zeroLines: items.filter((item) => item.amount === 0).length,
    negativeLines: items.filter((item) => item.amount < 0).length,
    zeroQuantities: items.filter((item) => item.quantity === 0).length,
    fractionalQuantities: items.filter((item) => !Number.isInteger(item.quantity)).length,
    fuelRows: count(isFuel),
    amountsWithCents: count((row) => row.salesMinor % 100 !== 0),
    unitsRounded: count(isUnitRounded),
    unnamed: count((row) => row.type === ''),
    sales,
    coupons,
    couponMatches: countAndSum((row) => row.couponMatchMinor),
    retailDiscounts: countAndSum((row) => row.retailDiscountMinor),
    total: sales - coupons.amount,
  };
}

export interface Group {
  readonly name: string;
  readonly count: number;
  readonly amount: number;
}

/** Sums by a name, the largest first. */
export function grouped<T>(
  things: readonly T[],
  nameOf: (thing: T) => string,
  amountOf: (thing: T) => number,
): Group[] {
  const groups = new Map<string, { count: number; amount: number }>();
  for (const thing of things) {
    const name = nameOf(thing);
    const { count, amount } = groups.get(name) ?? { count: 0, amount: 0 };
    groups.set(name, { count: count + 1, amount: amount + amountOf(thing) });
  }
  return [...groups]
    .map(([name, group]) => ({ name, ...group }))
    .toSorted((a, b) => b.amount - a.amount || (a.name < b.name ? -1 : 1));
}

/** The first groups, and one that holds the rest. */
export function topGroups(groups: readonly Group[], shown: number): Group[] {
  const rest = groups.slice(shown);
  if (rest.length <= 1) return [...groups];
  const count = rest.reduce((sum, it) => sum + it.count, 0);
  const amount = rest.reduce((sum, it) => sum + it.amount, 0);
  return [...groups.slice(0, shown), { name: `${rest.length} others`, count, amount }];
}

const SIMILAR_MS = 3 * 60_000;

/**
 * Payable baskets that follow an equal one (household, store, total): at all, and within three minutes of the file's own
 * clock. The first is how many SIMILAR_PAYMENT there can be when a year is replayed in a minute.
 */
export function equalBaskets(baskets: readonly Basket[]): { atAll: number; inFileTime: number } {
  const lastMs = new Map<string, number>();
  let atAll = 0;
  let inFileTime = 0;
  for (const it of baskets.filter((basket) => basket.skip === undefined)) {
    const key = `${it.householdId}/${it.storeId}/${it.totalMinor}`;
    const atMs = Date.parse(`${it.timestamp.replace(' ', 'T')}Z`);
    const before = lastMs.get(key);
    if (before !== undefined) atAll += 1;
    if (before !== undefined && atMs - before < SIMILAR_MS) inFileTime += 1;
    lastMs.set(key, atMs);
  }
  return { atAll, inFileTime };
}
