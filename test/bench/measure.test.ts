import { expect, test } from 'vitest';
import { runBlock, runRounds, type Case } from '../../bench/measure.ts';
import { readOptions } from '../../bench/options.ts';

/** A case that writes down in which order its calls run. */
function recorder(name: 'a' | 'b', ran: string[]): Case<'a' | 'b'> {
  return {
    name,
    prepare: (count) =>
      Promise.resolve(
        Array.from({ length: count }, () => () => {
          ran.push(name);
          return Promise.resolve();
        }),
      ),
  };
}

test('a block runs every call once and never more at a time than asked for', async () => {
  let running = 0;
  let most = 0;
  const calls = Array.from({ length: 20 }, () => async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  });
  const block = await runBlock(calls, 4);
  expect(block.latenciesMs).toHaveLength(20);
  expect(most).toBe(4);
});

test('a failed call fails the block: a fast error is no figure', async () => {
  await expect(runBlock([() => Promise.reject(new Error('declined'))], 1)).rejects.toThrow('declined');
});

test('one at a time, cases take turns call by call, each turn in an order of chance', async () => {
  const ran: string[] = [];
  const blocks = await runRounds([recorder('a', ran), recorder('b', ran)], { inFlight: 1, calls: 2 }, 2);
  expect(ran.join('')).toMatch(/^(ab|ba){4}$/);
  expect(blocks.a.map((block) => block.latenciesMs.length)).toEqual([2, 2]);
});

test('with several in flight, cases take turns block by block, each round in an order of chance', async () => {
  const ran: string[] = [];
  await runRounds([recorder('a', ran), recorder('b', ran)], { inFlight: 2, calls: 3 }, 2);
  expect(ran.join('')).toMatch(/^(aaabbb|bbbaaa){2}$/);
});

test('options that are not understood are refused, not ignored', () => {
  expect(readOptions(['--quick', '--rounds', '3'])).toMatchObject({ isQuick: true, rounds: 3 });
  expect(readOptions(['--help'])).toBeUndefined();
  expect(() => readOptions(['--fast'])).toThrow();
  expect(() => readOptions(['--rounds', '0'])).toThrow('--rounds');
});
