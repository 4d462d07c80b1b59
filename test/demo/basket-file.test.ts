import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readRows } from '../../dev/demo/baskets/csv.ts';
import { factsOf } from '../../dev/demo/baskets/facts.ts';
import { toBaskets } from '../../dev/demo/baskets/map.ts';
import { paymentRequest } from '../../api/payment/schemas.ts';
import { csv, HEAD } from './basket-csv.ts';

function read(text: string) {
  return readRows(text, 'baskets.csv');
}

describe('a malformed file', () => {
  test('is refused with every fault and its line', () => {
    const text = csv(
      { sales: '1.999', quantity: 'two' },
      {},
      { at: '2017-02-30 10:00:00', coupon: '-1.00' },
      { basket: 'a b', sales: '' },
      { basket: 'b2', quantity: '1000001' },
    );
    expect(() => read(text)).toThrow(
      [
        'baskets.csv has 7 faults; nothing was paid.',
        '  line 2: sales_value "1.999" has a fraction of a cent',
        '  line 2: quantity "two" is not a number',
        '  line 4: coupon_disc "-1.00" is negative: a discount is a positive amount',
        '  line 4: timestamp_local "2017-02-30 10:00:00" is not a time like 2017-01-31 19:18:35',
        '  line 5: basket_id "a b" is not 1 to 40 of A-Z a-z 0-9 . _ -',
        '  line 5: sales_value "" is not an amount like 12.99',
        '  line 6: quantity 1000001 is more than 1000000',
      ].join('\n'),
    );
  });

  test('is refused when a basket has two households', () => {
    expect(() => read(csv({}, {}, { household: '8' }))).toThrow(
      'line 4: basket b1 has householdId 8, on line 2 it has 7',
    );
  });

  test('is refused when a row has too few columns', () => {
    expect(() => read(`${csv({})}\nb1,7,42`)).toThrow('line 3: 3 columns instead of 13');
  });

  test('is refused line by line when its line ends are mixed', () => {
    const [head = '', row = ''] = csv({}).split('\n');
    expect(() => read(`${head}\r\n${row}\r\n${row},x\n${row},x,y\n`)).toThrow(
      '2 faults; nothing was paid.\n  line 3: 14 columns instead of 13\n  line 4: 15 columns instead of 13',
    );
  });

  test('is refused when a column is missing, when it is empty and when it is no CSV', () => {
    expect(() => read(HEAD.replace('coupon_disc,', ''))).toThrow(
      'baskets.csv line 1: the column coupon_disc is missing.',
    );
    expect(() => read('')).toThrow('baskets.csv is empty.');
    expect(() => read(HEAD)).toThrow('baskets.csv has no line below its head.');
    expect(() => read(`${HEAD}\n"b1,7`)).toThrow('baskets.csv is no CSV: ');
  });

  test('shows the first faults of many and counts the rest', () => {
    const text = csv(...Array.from({ length: 25 }, () => ({ sales: 'x' })));
    expect(() => read(text)).toThrow(/25 faults[\s\S]*line 21: [^\n]*\n {2}and 5 more$/);
  });
});

test('columns may come in another order, with a byte order mark, with quotes and empty lines', () => {
  const [head = '', row = ''] = csv({ type: '"COFFEE, GROUND"' }).split('\n');
  const turned = (line: string): string => (line.match(/("[^"]*"|[^,]+)/g) ?? []).toReversed().join(',');
  const [read1] = read(`\ufeff${turned(head)}\r\n\r\n${turned(row)}\r\n`);
  expect(read1).toMatchObject({ line: 3, basketId: 'b1', type: 'COFFEE, GROUND', salesMinor: 499 });
});

// A year of eleven families (The Complete Journey); the data is not part of the project.
const REAL = new URL('../../../shared/data/baskets/completejourney_11_households_2017.csv', import.meta.url);

describe.skipIf(!existsSync(REAL))('the real file', () => {
  test('has the figures that were counted independently', () => {
    const rows = read(readFileSync(REAL, 'utf8'));
    const baskets = toBaskets(rows);
    expect(factsOf(rows, baskets)).toMatchObject({
      baskets: 1_693,
      households: 11,
      stores: 38,
      rows: 16_724,
      zeroLines: 116,
      zeroQuantities: 84,
      fuelRows: 66,
      unitsRounded: 357,
      sales: 5_045_834,
      coupons: { count: 154, amount: 18_346 },
      couponMatches: { count: 64, amount: 2_905 },
      retailDiscounts: { count: 8_491, amount: 860_531 },
      total: 5_027_488,
    });
    expect(baskets.reduce((sum, it) => sum + it.totalMinor, 0)).toBe(5_027_488);
    expect(baskets.filter((it) => it.skip !== undefined).map((it) => it.skip)).toEqual(
      Array.from({ length: 3 }, () => 'total is zero'),
    );
  });

  test('gives payments that the API accepts', () => {
    const baskets = toBaskets(read(readFileSync(REAL, 'utf8')));
    const refused = baskets
      .filter((it) => it.skip === undefined)
      .filter((it) => !paymentRequest.safeParse(requestOf(it)).success);
    expect(refused).toEqual([]);
  });
});

function requestOf(basket: ReturnType<typeof toBaskets>[number]) {
  return {
    merchantPaymentId: `demo-00000000-${basket.basketId}-again`,
    code: '999901112345678901234560',
    amount: basket.totalMinor,
    currency: 'JPY',
    storeId: basket.storeId,
    terminalId: 'till-1',
    receiptNumber: basket.basketId,
    items: basket.items,
  };
}
