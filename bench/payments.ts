import { createPool } from '../db/pool.ts';
import { verifyLedger } from '../db/ledger-verify.ts';
import type { Report } from '../dev/report.ts';
import type { Lifecycle } from '../dev/stack/lifecycle.ts';
import { assertDefined } from '../domain/assert.ts';
import { createCases, CASES, type CaseName } from './cases.ts';
import { countEvents } from './events.ts';
import { describeMachine, describePostgres, describeTemporal } from './machine.ts';
import { runRounds, type Case, type Level } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { seedPeople } from './people.ts';
import type { BenchResult, EventCounts } from './result.ts';
import { openDatabase, openWorkflows, startPrograms } from './stage.ts';
import { compareRounds, p50Ratio, summariseLevel, type Block } from './stats.ts';
import { openTill } from './till.ts';
import { paymentVerdicts } from './verdicts.ts';

/** Single flight says what a till feels; 30 in flight what the servers take. */
const FULL = {
  rounds: 5,
  levels: [
    { inFlight: 1, calls: 30, gapMs: 20 },
    { inFlight: 10, calls: 60 },
    { inFlight: 30, calls: 120 },
  ],
};
const QUICK = {
  rounds: 2,
  levels: [
    { inFlight: 1, calls: 4, gapMs: 20 },
    { inFlight: 10, calls: 20 },
    { inFlight: 30, calls: 40 },
  ],
};
/** Fills caches, plans and the JIT; its figures are thrown away. */
const WARM_UP: Level = { inFlight: 10, calls: 300 };

export type Blocks = Readonly<Record<CaseName, readonly Block[]>>;

/** Starts everything, measures, and proves the ledger that the measured payments have left. */
export async function benchPayments(
  options: BenchOptions,
  lifecycle: Lifecycle,
  report: Report,
): Promise<BenchResult> {
  const machine = describeMachine();
  const database = await openDatabase(lifecycle, report);
  const pool = createPool(database.url, { name: 'kessai-bench', max: 10 });
  const workflows = await openWorkflows(lifecycle, report, options.isInMemory);
  const people = await report.step('200 payers', () => seedPeople(pool));
  const baseUrl = await startPrograms(lifecycle, report, {
    ...workflows.env,
    DATABASE_URL: database.url,
    KESSAI_CODE_PEPPER: people.codePepper,
    KESSAI_DATA_KEY: people.codePepper,
  });

  const till = await report.step('this client with its worker', () =>
    openTill(database, workflows, people.codePepper),
  );

  const ids = Object.fromEntries(CASES.map((name) => [name, [] as string[]])) as Record<CaseName, string[]>;
  const cases = createCases({
    client: workflows.client,
    eager: till.eager,
    pool,
    people,
    baseUrl,
    started: (name, workflowId) => {
      ids[name].push(workflowId);
    },
  });
  const all = CASES.map((name) => cases[name]);
  const plan = options.isQuick ? QUICK : FULL;
  const rounds = options.rounds ?? plan.rounds;
  await report.step('warm-up', () =>
    runRounds(all, options.isQuick ? { ...WARM_UP, calls: 20 } : WARM_UP, 1),
  );
  const measured: { inFlight: number; blocks: Blocks }[] = [];
  for (const level of plan.levels) {
    const blocks = await report.step(`${level.inFlight} in flight, ${rounds} rounds`, () =>
      runRounds(all as readonly Case<CaseName>[], level, rounds),
    );
    measured.push({ inFlight: level.inFlight, blocks });
  }
  const counts = await report.step('histories', async () => {
    const entries = [];
    for (const name of CASES) entries.push([name, await countEvents(workflows.client, ids[name])] as const);
    return Object.fromEntries(entries) as EventCounts;
  });
  const proof = await report.step('ledger proof', () => verifyLedger(pool));
  if (proof.breaks.length > 0) throw new Error(`the ledger is broken: ${JSON.stringify(proof.breaks)}`);
  const setUp = {
    ...machine,
    ...(await describePostgres(pool, database.isOwn)),
    ...(await describeTemporal(workflows.client, workflows.isOwn, options.isInMemory)),
    processes:
      'worker and API as in npm start (pino at info, into files), a worker for floor and four activities, this client; all on this machine',
    payment:
      'startPayment in this client, which holds a worker for payments as the API does: started eagerly',
    payers: `${people.payers.length} of one merchant without webhook`,
    offline:
      'a phone with a key of its own for each; open until its journal comes, which is sent between blocks, outside of the measured time',
    parking:
      'startParkingSettlement likewise, a stay and a quote of its own for each; a person releases between blocks',
  };
  await till.stop();
  await pool.end();
  await workflows.client.connection.close();
  return {
    setUp,
    rounds,
    levels: measured.map(({ inFlight, blocks }) => summariseLevel(inFlight, blocks, 'floor')),
    events: counts,
    offlineToOnline: offlineToOnline(measured),
    verdicts: paymentVerdicts(measured, counts),
  };
}

/** What an offline payment's till waits beside an online one's, one at a time: a multiple of its p50. */
function offlineToOnline(measured: readonly { inFlight: number; blocks: Blocks }[]): number {
  const { blocks } = assertDefined(measured.find((level) => level.inFlight === 1));
  return compareRounds(blocks.offline, blocks.payment, p50Ratio);
}
