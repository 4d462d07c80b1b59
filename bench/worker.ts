import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker, type NativeConnection } from '@temporalio/worker';
import type { ActivityDeps } from '../activities/index.ts';
import { createPaymentActivities } from '../activities/payment.ts';
import { createFourStepActivities } from './activities.ts';

export interface BenchWorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly deps: ActivityDeps;
}

/**
 * The product's workflows and activities, and beside them those they are compared with, on one queue. Options are those of
 * workers/worker.ts, so that what is measured is what runs.
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
    activities: { ...createPaymentActivities(options.deps), ...createFourStepActivities(options.deps.pool) },
    maxCachedWorkflows: 1_000,
    maxConcurrentWorkflowTaskExecutions: 100,
    maxConcurrentLocalActivityExecutions: 100,
    maxConcurrentActivityTaskExecutions: 100,
    shutdownGraceTime: '10s',
  });
}
