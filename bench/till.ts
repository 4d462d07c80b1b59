import { setTimeout as delay } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { createDecisions } from '../api/decisions.ts';
import type { EagerStarts } from '../api/workflow-start.ts';
import { createCodeDigester } from '../db/code-digest.ts';
import { createPool } from '../db/pool.ts';
import { createSealer } from '../db/sealed.ts';
import { DEFAULT_CODE_PREFIX } from '../domain/code/format.ts';
import { freeLoopbackPort } from '../workers/health.ts';
import { installRuntime } from '../workers/runtime.ts';
import { keepTillWorker } from '../workers/till-worker.ts';
import { BENCH_TASK_QUEUE, type Database, type Workflows } from './stage.ts';

export interface Till {
  readonly eager: EagerStarts;
  stop(): Promise<void>;
}

/** What the API program has beside its HTTP edge, in this process: a worker for the payments that it starts. */
export async function openTill(database: Database, workflows: Workflows, key: string): Promise<Till> {
  const log = pino({ name: 'bench', level: 'warn' });
  installRuntime({ logger: log, metricsPort: await freeLoopbackPort(), shutdownSignals: [] });
  const pool = createPool(database.url, { name: 'kessai-bench-till', max: 20 });
  const decisions = createDecisions();
  const worker = keepTillWorker({
    connect: () => NativeConnection.connect(workflows.connectionOptions),
    namespace: workflows.client.options.namespace,
    taskQueue: BENCH_TASK_QUEUE,
    deps: {
      pool,
      sealer: createSealer(key),
      digestCode: createCodeDigester(key),
      codePrefix: DEFAULT_CODE_PREFIX,
      tellDecision: decisions.tell,
    },
    log,
  });
  while (worker.client() === undefined) await delay(100);
  return {
    eager: { client: worker.client, decisions },
    async stop() {
      await worker.stop();
      await pool.end();
    },
  };
}
