import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker, type NativeConnection } from '@temporalio/worker';
import type { Pool } from '../db/pool.ts';
import { createFourStepActivities } from './activities.ts';

export interface BenchWorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly pool: Pool;
}

/**
 * The workflows that payments are compared with, on a queue of their own. Options are those of workers/worker.ts, so that
 * only the work differs.
 */
export async function createBenchWorker(options: BenchWorkerOptions): Promise<Worker> {
  return Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: options.taskQueue,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)),
      logger: new DefaultLogger('WARN'),
    }),
    activities: createFourStepActivities(options.pool),
    maxCachedWorkflows: 1_000,
    maxConcurrentWorkflowTaskExecutions: 100,
    maxConcurrentLocalActivityExecutions: 100,
    maxConcurrentActivityTaskExecutions: 100,
    shutdownGraceTime: '10s',
  });
}
