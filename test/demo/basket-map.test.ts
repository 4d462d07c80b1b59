import { describe, expect, test } from 'vitest';
import { readRows } from '../../dev/demo/baskets/csv.ts';
import { equalBaskets, factsOf } from '../../dev/demo/baskets/facts.ts';
import { isUnitRounded, toBaskets } from '../../dev/demo/baskets/map.ts';
import { toMinor } from '../../dev/demo/baskets/row.ts';
import { csv, type Cells } from './basket-csv.ts';

function rowsOf(...cells: Cells[]) {
  return readRows(csv(...cells), 'baskets.csv');
}

function basketsOf(...cells: Cells[]) {
  return toBaskets(rowsOf(...cells));
}

function linesOf(...cells: Cells[]) {
  return basketsOf(...cells)[0]?.items;
}

test('a cent is a yen, by its digits and not by a multiplication', () => {
  expect(['1.15', '1.1', '1', '0.29', '-1.90', '0.00', '-0.00', '8.2900'].map(toMinor)).toEqual([
    115, 110, 100, 29, -190, 0, 0, 829,
  ]);
});

describe('lines', () => {
  test('a sale has name, category, quantity and amounts', () => {
    expect(linesOf({ quantity: '3', sales: '5.97' })).toEqual([
      { lineNo: 1, name: 'GROUND COFFEE', category: 'COFFEE', quantity: 3, unitAmount: 199, amount: 597 },
    ]);
  });

  test('a manufacturer coupon is a negative line of its own after what it takes off from', () => {
    expect(linesOf({ sales: '4.99', coupon: '1.00' }, { type: 'MILK', sales: '2.00' })).toMatchObject([
      { lineNo: 1, amount: 499 },
      {
        lineNo: 2,
        name: 'coupon: GROUND COFFEE',
        category: 'COFFEE',
        quantity: 1,
        unitAmount: -100,
        amount: -100,
      },
      { lineNo: 3, name: 'MILK', amount: 200 },
    ]);
  });

  test('loyalty discounts and coupon matches are in the sales value already', () => {
    expect(linesOf({ sales: '4.99', retail: '1.50', match: '0.40' })).toMatchObject([{ amount: 499 }]);
  });

  test('a coupon may be worth more than its product', () => {
    const [basket] = basketsOf({ sales: '0.42', coupon: '1.00' }, { sales: '3.00' });
    expect(basket).toMatchObject({ totalMinor: 242, skip: undefined });
  });

  test('a row that is a coupon alone gives a zero line without pieces and the coupon', () => {
    expect(
      linesOf({
        department: '',
        category: '',
        type: '',
        product: '5978656',
        quantity: '0',
        sales: '0.00',
        coupon: '5.39',
      }),
    ).toEqual([
      { lineNo: 1, name: 'product 5978656', quantity: 0, unitAmount: 0, amount: 0 },
      { lineNo: 2, name: 'coupon: product 5978656', quantity: 1, unitAmount: -539, amount: -539 },
    ]);
  });

  test('a free line stays, and a return is a negative line', () => {
    expect(linesOf({ sales: '0.00' }, { quantity: '-1', sales: '-2.50' }, { sales: '9.00' })).toMatchObject([
      { amount: 0, unitAmount: 0 },
      { quantity: -1, unitAmount: 250, amount: -250 },
      { amount: 900 },
    ]);
  });

  test('money without pieces keeps its amount', () => {
    expect(linesOf({ quantity: '0', sales: '1.25' })).toMatchObject([
      { quantity: 0, unitAmount: 125, amount: 125 },
    ]);
  });

  test('fuel is in thousandths of a gallon', () => {
    expect(linesOf({ type: 'GASOLINE-REG UNLEADED', quantity: '16165', sales: '37.00' })).toMatchObject([
      { quantity: 16.165, unitAmount: 229, amount: 3700 },
    ]);
  });

  test('a unit that does not divide is rounded and told, the amount is exact', () => {
    const rows = rowsOf({ quantity: '3', sales: '5.00' }, { quantity: '2', sales: '5.00' });
    expect(toBaskets(rows)[0]?.items).toMatchObject([
      { quantity: 3, unitAmount: 167, amount: 500 },
      { quantity: 2, unitAmount: 250, amount: 500 },
    ]);
    expect(rows.map(isUnitRounded)).toEqual([true, false]);
  });

  test('a line without category goes by its department, without both by none', () => {
    expect(linesOf({ category: '' }, { category: '', department: '' })).toMatchObject([
      { category: 'GROCERY' },
      expect.not.objectContaining({ category: expect.anything() as unknown }),
    ]);
  });
});

describe('baskets', () => {
  test('come in the order of their time, of the same time in the order of the file', () => {
    const baskets = basketsOf(
      { basket: 'late', at: '2017-03-01 09:00:00' },
      { basket: 'b', at: '2017-01-01 09:00:00' },
      { basket: 'a', at: '2017-01-01 09:00:00' },
      { basket: 'late', at: '2017-03-01 09:00:00' },
    );
    expect(baskets.map((it) => [it.basketId, it.items.length])).toEqual([
      ['b', 1],
      ['a', 1],
      ['late', 2],
    ]);
  });

  test('whose total is not positive, or with too many lines, are no payment and say why', () => {
    const many = Array.from({ length: 501 }, () => ({ basket: 'many' }));
    const baskets = basketsOf(
      { basket: 'zero', quantity: '0', sales: '0.00' },
      { basket: 'negative', sales: '0.50', coupon: '1.00' },
      { basket: 'paid' },
      ...many,
    );
    expect(baskets.map((it) => it.skip)).toEqual([
      'total is zero',
      'total is negative',
      undefined,
      'more than 500 lines',
    ]);
  });

  test('are equal when household, store and total are', () => {
    const baskets = basketsOf(
      { basket: '1', at: '2017-01-01 09:00:00' },
      { basket: '2', at: '2017-01-01 09:02:59' },
      { basket: '3', at: '2017-01-01 09:05:59' },
      { basket: '4', at: '2017-01-01 09:05:59', store: '43' },
      { basket: '5', at: '2017-01-01 09:05:59', household: '8' },
      { basket: '6', at: '2017-01-01 09:05:59', sales: '5.00' },
    );
    expect(equalBaskets(baskets)).toEqual({ atAll: 2, inFileTime: 1 });
  });
});

test('the facts of a file are counted from its rows', () => {
  const rows = rowsOf(
    { sales: '4.99', coupon: '1.00', match: '0.40', retail: '0.60' },
    { basket: 'b2', sales: '0.00', quantity: '0' },
    { basket: 'b3', household: '8', store: '43', type: 'GASOLINE', quantity: '1500', sales: '3.00' },
  );
  expect(factsOf(rows, toBaskets(rows))).toMatchObject({
    baskets: 3,
    households: 2,
    stores: 2,
    rows: 3,
    lines: 4,
    zeroLines: 1,
    negativeLines: 1,
    fuelRows: 1,
    fractionalQuantities: 1,
    amountsWithCents: 1,
    sales: 799,
    coupons: { count: 1, amount: 100 },
    couponMatches: { count: 1, amount: 40 },
    retailDiscounts: { count: 1, amount: 60 },
    total: 699,
  });
});
