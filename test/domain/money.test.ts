import { describe, expect, it } from 'vitest';
import { describeMoney, isPayableAmount, MAX_AMOUNT_MINOR } from '../../domain/money.ts';

describe('an amount to pay', () => {
  it.each([1, 100, MAX_AMOUNT_MINOR])('may be %d', (amount) => {
    expect(isPayableAmount(amount)).toBe(true);
  });
  it.each([0, -1, 1.5, NaN, Infinity, MAX_AMOUNT_MINOR + 1, 2 ** 53])('may not be %d', (amount) => {
    expect(isPayableAmount(amount)).toBe(false);
  });
});

describe('money for people', () => {
  it.each([
    [0, '0 JPY'],
    [999, '999 JPY'],
    [1_234_567, '1,234,567 JPY'],
    [-1_000, '-1,000 JPY'],
  ])('%d reads %s', (amount, text) => {
    expect(describeMoney({ amount, currency: 'JPY' })).toBe(text);
  });
});
