import type pg from 'pg';
import type { Pool } from '../../db/pool.ts';

/** A pool in front of a real one that breaks when it is told to. */
export interface FaultyPool {
  readonly pool: Pool;
  /** Runs the next `count` statements of this name, which commits them, and then loses the answer. */
  loseAnswers(statement: string, count: number): void;
  /** Commits the next `count` transactions and then loses the answer. */
  loseCommits(count: number): void;
  /** Runs the next statement of this name whose values have `part` in them, which commits it, and answers after `first`. */
  holdAnswer(statement: string, part: string, first: () => Promise<unknown>): void;
  /** Called once, when an answer has been lost. */
  afterLoss(act: () => void): void;
  /** Refuses every statement of this name until `heal`. */
  break(statement: string): void;
  heal(): void;
  /** How often a statement of this name was asked for. */
  asked(statement: string): number;
}

/** Faults at the boundary to Postgres; what goes through goes to the real one. */
export function createFaultyPool(real: Pool): FaultyPool {
  const lose = new Map<string, number>();
  const asked = new Map<string, number>();
  let held: { statement: string; part: string; first: () => Promise<unknown> } | undefined;
  let broken: string | undefined;
  let commitsToLose = 0;
  let lost = (): void => undefined;
  const query = async (
    statement: { name?: string; values?: unknown[] },
    ...rest: unknown[]
  ): Promise<unknown> => {
    const name = statement.name ?? '';
    asked.set(name, (asked.get(name) ?? 0) + 1);
    if (broken === name) throw new Error(`fault: ${name} cannot reach Postgres`);
    const result = await (real.query as (...args: unknown[]) => Promise<unknown>).call(
      real,
      statement,
      ...rest,
    );
    if (held?.statement === name && JSON.stringify(statement.values).includes(held.part)) {
      const { first } = held;
      held = undefined;
      await first();
    }
    const left = lose.get(name) ?? 0;
    if (left > 0) {
      lose.set(name, left - 1);
      lost();
      throw new Error(`fault: the answer of ${name} was lost after its commit`);
    }
    return result;
  };
  const connect = async (): Promise<pg.PoolClient> => {
    const client = await real.connect();
    const run = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const losing = async (statement: unknown, ...rest: unknown[]): Promise<unknown> => {
      const result = await run(statement, ...rest);
      if (statement !== 'commit' || commitsToLose === 0) return result;
      commitsToLose -= 1;
      throw new Error('fault: the answer of a commit was lost');
    };
    return new Proxy(client, {
      get(target, key) {
        if (key === 'query') return losing;
        const value: unknown = Reflect.get(target, key);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  };
  return {
    pool: new Proxy(real, {
      get(target, key) {
        if (key === 'query') return query;
        return key === 'connect' ? connect : (Reflect.get(target, key) as unknown);
      },
    }),
    loseAnswers(statement, count) {
      lose.set(statement, count);
    },
    loseCommits(count) {
      commitsToLose = count;
    },
    holdAnswer(statement, part, first) {
      held = { statement, part, first };
    },
    afterLoss(act) {
      lost = act;
    },
    break(statement) {
      broken = statement;
    },
    heal() {
      broken = undefined;
    },
    asked: (statement) => asked.get(statement) ?? 0,
  };
}
