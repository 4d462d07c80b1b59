import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { BREAK_CLASSES } from '../../domain/reconciliation/compare.ts';
import {
  reconciliationWorkflowId,
  type ReconciliationResult,
} from '../../workflows/reconciliation/contract.ts';
import { DEFAULT_TASK_QUEUE } from '../../workflows/task-queue.ts';
import { Refusal } from '../command.ts';

/** `npm run reconcile`: compares a day by hand, as the nightly run does by itself. */
const USAGE = `Usage: npm run -s reconcile -- --date YYYY-MM-DD [--merchant MERCHANT_ID]
Compares the day's books of all merchants, or of one, whether or not there is news, and says what is open.
TEMPORAL_ADDRESS and its like say where; without them the local stack of npm start is meant.`;

try {
  await run();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(error instanceof Refusal ? message : `The day could not be compared: ${message}`);
  process.exitCode = error instanceof Refusal ? 1 : 2;
}

async function run(): Promise<void> {
  const options = readOptions();
  if (options === undefined) return;
  const { date, merchantId } = options;
  const { connectionOptions, namespace } = whereTemporalIs();
  const connection = await Connection.connect({ ...connectionOptions, connectTimeout: '10s' });
  try {
    const client = new Client({ connection, ...(namespace === undefined ? {} : { namespace }) });
    const workflowId = reconciliationWorkflowId(date, merchantId);
    const handle = await client.workflow.start('reconciliation', {
      workflowId,
      taskQueue: process.env.KESSAI_TASK_QUEUE ?? DEFAULT_TASK_QUEUE,
      args: [{ days: { from: date, to: date }, ...(merchantId === undefined ? {} : { merchantId }) }],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: `by hand: ${date}`,
    });
    console.error(`Workflow ${workflowId} compares ${date} ...`);
    say((await handle.result()) as ReconciliationResult);
  } finally {
    await connection.close();
  }
}

function say(result: ReconciliationResult): void {
  if (result.days === 0)
    console.log('Nothing was compared: the day is not over, or there is no such merchant.');
  for (const name of BREAK_CLASSES) console.log(`${String(result.open[name] ?? 0).padStart(6)}  ${name}`);
  console.log(
    `${result.days} days of ${result.merchants} merchants compared, ${result.opened} breaks opened, ${result.resolved} resolved.`,
  );
}

function readOptions(): { date: string; merchantId: string | undefined } | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { date: text, merchant: text, help: { type: 'boolean' } } });
  if (values.help === true) {
    console.log(USAGE);
    return undefined;
  }
  if (values.date === undefined) throw new Refusal(USAGE);
  const at = new Date(`${values.date}T00:00:00Z`);
  if (Number.isNaN(at.getTime()) || at.toISOString().slice(0, 10) !== values.date)
    throw new Refusal(`--date is a day such as 2026-11-22, not ${values.date}.`);
  return { date: values.date, merchantId: values.merchant };
}

function whereTemporalIs(): Pick<
  ReturnType<typeof loadClientConnectConfig>,
  'connectionOptions' | 'namespace'
> {
  const file = '.kessai/dev.json';
  const isGiven = Object.keys(process.env).some((name) => name.startsWith('TEMPORAL_'));
  if (isGiven || !existsSync(file)) return loadClientConnectConfig();
  const dev = JSON.parse(readFileSync(file, 'utf8')) as { temporal: { address: string; namespace: string } };
  return { connectionOptions: { address: dev.temporal.address }, namespace: dev.temporal.namespace };
}
