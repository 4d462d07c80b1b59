import { describe, expect, test } from 'vitest';
import {
  compareRounds,
  median,
  p50Ratio,
  percentile,
  rateOf,
  summarise,
  verdict,
  type Block,
} from '../../bench/stats.ts';

function block(latenciesMs: number[], elapsedMs = 1_000): Block {
  return { latenciesMs, elapsedMs };
}

describe('percentile', () => {
  test('is a value that was measured, by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentile(values, 99)).toBe(99);
    expect(percentile(values, 50)).toBe(50);
    expect(percentile(values, 100)).toBe(100);
    expect(percentile([7], 99)).toBe(7);
  });

  test('sorts by number, not by text', () => {
    expect(percentile([9, 10, 100], 50)).toBe(10);
  });

  test('refuses to say anything about nothing', () => {
    expect(() => percentile([], 50)).toThrow(RangeError);
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('median', () => {
  test('is the middle of an odd count and the mean of the middle two of an even one', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  test('leaves its argument as it was', () => {
    const values = [2, 1];
    median(values);
    expect(values).toEqual([2, 1]);
  });
});

describe('rounds', () => {
  test('are compared one by one, so that a slow minute that met both cases does not count', () => {
    const floor = [block([10]), block([100]), block([10])];
    const payment = [block([12]), block([120]), block([12])];
    expect(compareRounds(payment, floor, p50Ratio)).toBeCloseTo(1.2);
  });

  test('of different number cannot be compared', () => {
    expect(() => compareRounds([block([1]), block([1])], [block([1])], p50Ratio)).toThrow(RangeError);
  });

  test('give the median of their medians, and a p99 over all calls', () => {
    const rounds = [block([1, 1, 1]), block([3, 3, 3]), block([2, 2, 50])];
    expect(summarise(rounds, rounds)).toEqual({
      p50Ms: 2,
      p99Ms: 50,
      ratePerSecond: 3,
      calls: 9,
      p50Ratio: 1,
      rateRatio: 1,
    });
  });

  test('have a rate in answers a second', () => {
    expect(rateOf(block([1, 1, 1, 1], 500))).toBe(8);
  });
});

describe('a verdict', () => {
  const base = { name: 'x', bound: 1.5, unit: '' } as const;

  test('holds on the bound itself', () => {
    expect(verdict({ ...base, value: 1.5, rule: 'at most' }).holds).toBe(true);
    expect(verdict({ ...base, value: 1.5, rule: 'at least' }).holds).toBe(true);
  });

  test('is broken beyond it', () => {
    expect(verdict({ ...base, value: 1.51, rule: 'at most' }).holds).toBe(false);
    expect(verdict({ ...base, value: 1.49, rule: 'at least' }).holds).toBe(false);
  });

  test('of a figure that is no number is broken', () => {
    expect(verdict({ ...base, value: NaN, rule: 'at most' }).holds).toBe(false);
    expect(verdict({ ...base, value: NaN, rule: 'at least' }).holds).toBe(false);
  });
});
