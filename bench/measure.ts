import { setTimeout as delay } from 'node:timers/promises';
import { assertDefined } from '../domain/assert.ts';
import type { Block } from './stats.ts';

/** One thing to measure. What a call needs is prepared outside of the measured time. */
export interface Case<Name extends string = string> {
  readonly name: Name;
  /** How many times dearer than the others a call is: it gets so many times fewer of them. Default 1. */
  readonly weight?: number;
  /** Makes `count` calls ready to run. */
  prepare(count: number): Promise<readonly Call[]>;
  /** Ends what the calls of a block have left open, outside of the measured time too. */
  finish?(): Promise<void>;
}

/** One call, to be run once. */
export type Call = () => Promise<void>;

export interface Level {
  readonly inFlight: number;
  /** Calls of one case in one round; one at a time, every case has as many. */
  readonly calls: number;
  /** Pause before each call that runs alone, for what servers do after an answer. Default none. */
  readonly gapMs?: number;
}

/** What the servers still do for the last block's answers must not be charged to the next. */
const SETTLE_MS = 250;

/** Runs `calls`, `inFlight` at a time, each next one as soon as an earlier one has its answer. */
export async function runBlock(calls: readonly Call[], inFlight: number): Promise<Block> {
  const latenciesMs: number[] = [];
  const queue = calls[Symbol.iterator]();
  const startedMs = performance.now();
  async function lane(): Promise<void> {
    for (const call of queue) {
      const calledMs = performance.now();
      await call();
      latenciesMs.push(performance.now() - calledMs);
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { latenciesMs, elapsedMs: performance.now() - startedMs };
}

/**
 * Measures all cases at one level in rounds, each in an order of its own: a slow minute of the machine meets all of them,
 * and none always runs after the same other one, whose last work the servers may still be doing. One at a time they take
 * turns call by call, which is finer still.
 */
export async function runRounds<Name extends string>(
  cases: readonly Case<Name>[],
  level: Level,
  rounds: number,
): Promise<Record<Name, Block[]>> {
  const blocks = Object.fromEntries(cases.map((it) => [it.name, [] as Block[]])) as Record<Name, Block[]>;
  for (let round = 0; round < rounds; round += 1) {
    if (level.inFlight === 1) {
      await takeTurns(cases, level, blocks);
    } else {
      for (const it of shuffled(cases)) {
        const calls = await it.prepare(Math.ceil(level.calls / (it.weight ?? 1)));
        await delay(SETTLE_MS);
        blocks[it.name].push(await runBlock(calls, level.inFlight));
        await it.finish?.();
      }
    }
  }
  return blocks;
}

/** The same in an order of chance (Fisher-Yates). */
function shuffled<T>(items: readonly T[]): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [assertDefined(order[other]), assertDefined(order[last])];
  }
  return order;
}

async function takeTurns<Name extends string>(
  cases: readonly Case<Name>[],
  { calls: count, gapMs }: Level,
  blocks: Record<Name, Block[]>,
): Promise<void> {
  const players: { name: Name; calls: readonly Call[]; latenciesMs: number[] }[] = [];
  for (const it of cases) players.push({ name: it.name, calls: await it.prepare(count), latenciesMs: [] });
  for (let turn = 0; turn < count; turn += 1) {
    for (const player of shuffled(players)) {
      if (gapMs !== undefined) await delay(gapMs);
      const calledMs = performance.now();
      await assertDefined(player.calls[turn])();
      player.latenciesMs.push(performance.now() - calledMs);
    }
  }
  for (const { name, latenciesMs } of players)
    blocks[name].push({ latenciesMs, elapsedMs: latenciesMs.reduce((sum, it) => sum + it, 0) });
  for (const it of cases) await it.finish?.();
}
