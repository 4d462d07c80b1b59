import { assertDefined } from '../domain/assert.ts';
import { createPool, type Pool } from '../db/pool.ts';
import { verifyLedger } from '../db/ledger-verify.ts';
import type { Report } from '../dev/report.ts';
import type { Lifecycle } from '../dev/stack/lifecycle.ts';
import { createLedgerCases, openHotMerchant, type LedgerCaseName } from './ledger-cases.ts';
import { describeMachine, describePostgres } from './machine.ts';
import { runRounds, type Level } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { seedPeople } from './people.ts';
import type { BenchResult } from './result.ts';
import { openDatabase } from './stage.ts';
import { summariseLevel, verdict, type LevelSummary, type Verdict } from './stats.ts';

const FULL = {
  rounds: 7,
  levels: [
    { inFlight: 1, calls: 100 },
    { inFlight: 10, calls: 300 },
  ],
};
const QUICK = {
  rounds: 2,
  levels: [
    { inFlight: 1, calls: 20 },
    { inFlight: 10, calls: 100 },
  ],
};
const WARM_UP: Level = { inFlight: 10, calls: 200 };

/** Ways to decide and post one payment, each its own transaction on the product's tables and triggers. */
export async function benchLedger(
  options: BenchOptions,
  lifecycle: Lifecycle,
  report: Report,
): Promise<BenchResult> {
  const machine = describeMachine();
  const database = await openDatabase(lifecycle, report);
  const pool = createPool(database.url, { name: 'kessai-bench', max: 10 });
  const people = await report.step('200 payers', () => seedPeople(pool));
  const hot = await openHotMerchant(pool);
  const cases = createLedgerCases(pool, people, hot);
  const plan = options.isQuick ? QUICK : FULL;
  const rounds = options.rounds ?? plan.rounds;
  await report.step('warm-up', () =>
    runRounds(cases, options.isQuick ? { ...WARM_UP, calls: 50 } : WARM_UP, 1),
  );
  const levels: LevelSummary[] = [];
  for (const level of plan.levels) {
    const blocks = await report.step(`${level.inFlight} connections, ${rounds} rounds`, () =>
      runRounds(cases, level, rounds),
    );
    levels.push(summariseLevel<LedgerCaseName>(level.inFlight, blocks, 'function'));
  }
  await proveLedger(pool, report);
  const setUp = {
    ...machine,
    ...(await describePostgres(pool, database.isOwn)),
    payers: `${people.payers.length} of one merchant`,
  };
  await pool.end();
  return { setUp, rounds, levels, verdicts: ledgerVerdicts(assertDefined(levels.at(-1))) };
}

async function proveLedger(pool: Pool, report: Report): Promise<void> {
  const proof = await report.step('ledger proof', () => verifyLedger(pool));
  if (proof.breaks.length > 0) throw new Error(`the ledger is broken: ${JSON.stringify(proof.breaks)}`);
}

/** With ten connections Postgres is what is short. What the decision for the function rests on (docs/adr/0002). */
function ledgerVerdicts({ cases }: LevelSummary): Verdict[] {
  const against = (name: LedgerCaseName, bound: number): Verdict =>
    verdict({
      name: `rate of "${name}" / rate of the function, 10 connections`,
      value: assertDefined(cases[name]).rateRatio,
      bound,
      rule: 'at most',
      unit: '',
    });
  return [against('statements', 0.8), against('function, hot merchant row', 0.9)];
}
