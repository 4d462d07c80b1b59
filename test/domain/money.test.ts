import { describe, expect, it } from 'vitest';
import { describeMoney } from '../../domain/money.ts';

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
