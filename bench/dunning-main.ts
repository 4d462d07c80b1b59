import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Client } from '@temporalio/client';
import { createKey } from '../db/key.ts';
import type { Pool } from '../db/pool.ts';
import { createUser } from '../db/user.ts';
import { createReport } from '../dev/report.ts';
import type { Lifecycle } from '../dev/stack/lifecycle.ts';
import { sentence } from '../dev/stack/lifecycle.ts';
import { eachOf } from './people.ts';
import {
  COMPARED_TASK_QUEUE,
  openDatabase,
  openStage,
  openWorkflows,
  poolOf,
  startPrograms,
} from './stage.ts';

/** `npm run bench:dunning`: registrations in batches, one in a hundred of them bad. */
const HELP = `npm run bench:dunning -- [options]

Registers debts in batches of 1,000, one in a hundred of them bad, on servers of its own: exactly the good ones must become campaigns, each bad
one must be refused with a reason. Says how many a second, against plain starts of an empty workflow as many at once, and how much memory
the worker has for each open campaign.

  --count N     registrations (default 10000)
  --json FILE   where the figures go (default .kessai/bench-dunning.json)
  --help        this text
`;

const BATCH = 1_000;
const BAD_EACH = 100;
const USERS = 200;
const STARTS_AT_ONCE = 8;
const LONGEST_MS = 600_000;

const report = createReport();

interface Options {
  readonly count: number;
  readonly jsonFile: string;
}

function optionsOrEnd(): Options {
  try {
    const { values } = parseArgs({
      options: {
        count: { type: 'string', default: '10000' },
        json: { type: 'string', default: '.kessai/bench-dunning.json' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const count = Number(values.count);
    if (!values.help && Number.isInteger(count) && count >= BAD_EACH && count % BAD_EACH === 0)
      return { count, jsonFile: values.json };
    console.log(HELP);
    process.exit(values.help ? 0 : 2);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(2);
  }
}

/** A registration as it would be, or with one of four faults. */
function item(run: string, index: number): Record<string, unknown> {
  const good = {
    debtId: `${run}-${index}`,
    userId: `${run}-user-${index % USERS}`,
    amount: 1_000 + index,
    currency: 'JPY',
    // Campaigns that wait: what is measured is registering, not sending.
    dueOn: new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10),
    revision: 1,
  };
  if (index % BAD_EACH !== 0) return good;
  const faults = [{ userId: `${run}-nobody` }, { amount: -1 }, { currency: 'yen' }, { dueOn: '2026-02-30' }];
  return { ...good, ...faults[(index / BAD_EACH) % faults.length] };
}

interface Result {
  readonly debtId: string;
  readonly status: string;
  readonly code?: string;
  readonly detail?: string;
}

async function register(baseUrl: string, key: string, run: string, count: number): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < count; from += BATCH) {
    const items = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => item(run, from + i));
    const answer = await fetch(`${baseUrl}/v1/debts/batch`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ items }),
    });
    if (answer.status !== 200) throw new Error(`a batch was answered ${answer.status}`);
    results.push(...((await answer.json()) as { results: Result[] }).results);
  }
  return results;
}

/** Until every campaign has looked at its debt and waits. */
async function untilPlanned(pool: Pool, wanted: number): Promise<void> {
  const deadlineMs = Date.now() + LONGEST_MS;
  while (Date.now() < deadlineMs) {
    const found = await pool.query<{ n: number }>(
      'select count(*)::int as n from debt where next_at is not null',
    );
    if ((found.rows[0]?.n ?? 0) >= wanted) return;
    await delay(200);
  }
  throw new Error(`not all of ${wanted} campaigns wait after ${LONGEST_MS / 1000} s`);
}

/** Starts of an empty workflow a second, as many at once as a batch makes. */
async function floorRate(client: Client, count: number): Promise<number> {
  const startedMs = performance.now();
  await eachOf(count, STARTS_AT_ONCE, async () => {
    await client.workflow.start('benchFloor', {
      taskQueue: COMPARED_TASK_QUEUE,
      workflowId: `floor-${randomBytes(8).toString('hex')}`,
    });
  });
  return count / ((performance.now() - startedMs) / 1000);
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

async function run({ count, jsonFile }: Options, lifecycle: Lifecycle): Promise<boolean> {
  const database = await openDatabase(lifecycle, report);
  const workflows = await openWorkflows(lifecycle, report, false);
  const pool = poolOf(database, 4);
  try {
    const runId = `bench-${randomBytes(4).toString('hex')}`;
    await eachOf(USERS, 8, (i) =>
      createUser(pool, {
        userId: `${runId}-user-${i}`,
        displayName: 'bench',
        locale: 'ja',
        timeZone: 'Asia/Tokyo',
        requestHash: '',
      }).then(() => undefined),
    );
    const { key } = await createKey(pool, { role: 'issuer', tenantId: runId, name: 'bench' });
    const pids: Partial<Record<string, number>> = {};
    const secrets = {
      DATABASE_URL: database.url,
      KESSAI_DATA_KEY: randomBytes(32).toString('base64'),
      KESSAI_CODE_PEPPER: randomBytes(32).toString('base64'),
    };
    const baseUrl = await startPrograms(lifecycle, report, { ...workflows.env, ...secrets }, (name, pid) => {
      pids[name] = pid;
    });
    const workerPid = pids.worker ?? 0;
    const floor = await floorRate(workflows.client, Math.min(1_000, count));
    const beforeBytes = await residentBytes(workerPid);

    const startedMs = performance.now();
    const results = await report.step(`${count} registrations`, () => register(baseUrl, key, runId, count));
    const registeredSeconds = (performance.now() - startedMs) / 1000;
    const refused = results.filter((it) => it.status === 'REFUSED');
    await report.step('campaigns to begin', () => untilPlanned(pool, count - count / BAD_EACH));
    const plannedSeconds = (performance.now() - startedMs) / 1000;
    const afterBytes = await residentBytes(workerPid);
    const rows = await pool.query<{ n: number }>('select count(*)::int as n from debt');
    const { count: open } = await workflows.client.workflow.count(
      `WorkflowType = 'dunning' AND ExecutionStatus = 'Running' AND PartnerId = '${runId}'`,
    );
    const good = count - count / BAD_EACH;
    const figures = {
      registrations: count,
      campaigns: open,
      debts: rows.rows[0]?.n ?? 0,
      refused: refused.length,
      explained: refused.filter((it) => it.code !== undefined && it.detail !== undefined).length,
      registeredPerSecond: Math.round(count / registeredSeconds),
      plannedPerSecond: Math.round(good / plannedSeconds),
      plainStartsPerSecond: Math.round(floor),
      registeredToPlainStarts: Number((count / registeredSeconds / floor).toFixed(2)),
      workerBytesPerCampaign: Math.round((afterBytes - beforeBytes) / good),
      workerMegabytes: Math.round(afterBytes / 2 ** 20),
    };
    await mkdir(dirname(jsonFile), { recursive: true });
    await writeFile(jsonFile, `${JSON.stringify(figures, null, 2)}\n`);
    report.note(
      `\n${Object.entries(figures)
        .map(([name, value]) => `${name.padEnd(26)}${value}`)
        .join('\n')}\n\nFigures as JSON: ${jsonFile}`,
    );
    return (
      figures.campaigns === good &&
      figures.debts === good &&
      figures.refused === count / BAD_EACH &&
      figures.explained === figures.refused
    );
  } finally {
    await pool.end();
  }
}

const options = optionsOrEnd();
const lifecycle = await openStage(report).catch((error: unknown) => {
  console.error(`\n${sentence(error as Error)}`);
  process.exit(1);
});
try {
  const holds = await run(options, lifecycle);
  if (!holds) console.error('\nNot exactly the good ones became campaigns.');
  await lifecycle.shutDown(holds ? 0 : 1);
} catch (error) {
  // What was running fails when it is stopped by Ctrl-C: the person asked for that.
  if (!lifecycle.isStopping()) await lifecycle.shutDown(1, sentence(error as Error));
}
