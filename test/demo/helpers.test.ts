import { describe, expect, test } from 'vitest';
import { parseEvent } from '../../dev/demo/event-stream.ts';
import { readOptions } from '../../dev/demo/options.ts';
import { inParallel } from '../../dev/demo/parallel.ts';
import { planDay, VISITS, type VisitKind } from '../../dev/demo/plan.ts';
import { createRandom } from '../../dev/demo/random.ts';
import { latencies, percentile, perSecond } from '../../dev/demo/stats.ts';
import { groupDigits, renderTable } from '../../dev/demo/table.ts';

describe('percentiles', () => {
  test('are measured values by nearest rank, whatever the order', () => {
    const values = [15, 20, 35, 40, 50].toReversed();
    expect([0, 5, 30, 40, 50, 100].map((percent) => percentile(values, percent))).toEqual([
      15, 15, 20, 20, 35, 50,
    ]);
  });

  test('of nothing are nothing, of one value that value', () => {
    expect(percentile([], 50)).toBeUndefined();
    expect(latencies([])).toEqual({ count: 0, p50Ms: 0, p90Ms: 0, p99Ms: 0, maxMs: 0 });
    expect(latencies([12.34])).toEqual({ count: 1, p50Ms: 12.3, p90Ms: 12.3, p99Ms: 12.3, maxMs: 12.3 });
  });

  test('outside of 0 to 100 are a mistake', () => {
    expect(() => percentile([1], 101)).toThrow(RangeError);
  });

  test('a rate is per second, to a tenth', () => {
    expect([perSecond(400, 8_000), perSecond(1, 3_000), perSecond(5, 0)]).toEqual([50, 0.3, 0]);
  });
});

describe('tables', () => {
  test('have numbers to the right, text to the left and no blanks at the end', () => {
    const table = renderTable(
      ['outcome', 'count', ''],
      [
        ['COMPLETED', 1_234_567, ''],
        ['no', -5, '<- differs'],
      ],
    );
    expect(table.split('\n')).toEqual([
      '  outcome        count',
      '  ---------  ---------  ----------',
      '  COMPLETED  1,234,567',
      '  no                -5  <- differs',
    ]);
  });

  test('group the digits before the point only', () => {
    expect([0, 999, 1_000, -1_234.5678].map(groupDigits)).toEqual(['0', '999', '1,000', '-1,234.5678']);
  });
});

describe('a plan of a day', () => {
  const paymentsOf = (visits: readonly VisitKind[]): number =>
    visits.reduce((sum, kind) => sum + VISITS[kind].payments, 0);

  test.each([1, 2, 17, 100, 400, 1_001])('makes exactly %i payments', (payments) => {
    expect(paymentsOf(planDay(payments, createRandom('seed')))).toBe(payments);
  });

  test('has everything that can happen in it, mostly plain payments, and is the same for the same seed', () => {
    const visits = planDay(400, createRandom('seed'));
    expect(new Set(visits)).toEqual(new Set(Object.keys(VISITS)));
    expect(visits.filter((kind) => kind === 'plain').length).toBeGreaterThan(200);
    expect(planDay(400, createRandom('seed'))).toEqual(visits);
    expect(planDay(400, createRandom('other'))).not.toEqual(visits);
  });
});

test('work in parallel keeps the order of its items and never exceeds its width', async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([5, 3, 1, 4, 2], 2, async (item) => {
    running += 1;
    most = Math.max(most, running);
    for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
    running -= 1;
    return item * 10;
  });
  expect(results).toEqual([50, 30, 10, 40, 20]);
  expect(most).toBe(2);
});

test('a server-sent event has id, type and data; a comment is none', () => {
  expect(parseEvent('id: 7\nevent: payment.completed\ndata: {"a":"b: c"}')).toEqual({
    id: 7,
    type: 'payment.completed',
    data: { a: 'b: c' },
  });
  expect([parseEvent(': still here'), parseEvent('retry: 1000')]).toEqual([undefined, undefined]);
});

describe('arguments', () => {
  test('have defaults', () => {
    expect(readOptions([])).toEqual({
      payments: 400,
      tills: 8,
      jsonFile: undefined,
      basketsFile: undefined,
      help: false,
    });
  });

  test.each([
    [['--payments', '0'], '--payments is a whole number from 1 to 100000, not "0".'],
    [['--tills', '1.5'], '--tills is a whole number from 1 to 100, not "1.5".'],
    [['--baskets', 'a.csv', '--payments', '5'], '--payments does not go with --baskets'],
    [['--color'], 'See npm run demo -- --help.'],
  ])('%j are refused with a sentence', (args, sentence) => {
    expect(() => readOptions(args)).toThrow(sentence);
  });
});
