import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import { createActivities, type ActivityDeps } from '../activities/index.ts';

export interface KessaiWorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly workflowBundle: NonNullable<WorkerOptions['workflowBundle']>;
  readonly deps: ActivityDeps;
  readonly buildId?: string | undefined;
}

/** The one worker of Kessai: all workflows and activities on one queue, so that local steps stay local. */
export async function createWorker(options: KessaiWorkerOptions): Promise<Worker> {
  return Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: options.taskQueue,
    workflowBundle: options.workflowBundle,
    activities: createActivities(options.deps),
    // A payment lives for milliseconds in the cache; what waits for days is replayed from a short history.
    maxCachedWorkflows: 1_000,
    maxConcurrentWorkflowTaskExecutions: 100,
    maxConcurrentLocalActivityExecutions: 100,
    maxConcurrentActivityTaskExecutions: 100,
    shutdownGraceTime: '10s',
    ...(options.buildId === undefined
      ? {}
      : {
          workerDeploymentOptions: {
            version: { deploymentName: 'kessai', buildId: options.buildId },
            useWorkerVersioning: true,
            defaultVersioningBehavior: 'AUTO_UPGRADE' as const,
          },
        }),
  });
}
