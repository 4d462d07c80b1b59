import { Client } from '@temporalio/client';
import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import { createJournalActivities } from '../activities/journal.ts';
import { createPaymentActivities } from '../activities/payment.ts';
import { createDunningActivities } from '../activities/dunning.ts';
import { createPolicyActivities } from '../activities/dunning-policy.ts';
import type { ActivityDeps } from '../activities/index.ts';
import { createIssuerActivities } from '../activities/issuer.ts';
import { createPushActivities } from '../activities/push.ts';
import { createPushStarter } from '../activities/push-start.ts';
import { createCampaignSignaller } from '../activities/campaign-signal.ts';
import { createWebhookStarter } from '../activities/webhook-start.ts';
import { createReceiptWriter } from '../activities/receipt.ts';
import { createParkingOperatorActivities } from '../activities/parking-operator.ts';
import { createParkingSettlementActivities } from '../activities/parking-settlement.ts';
import { createReconciliationActivities } from '../activities/reconciliation.ts';
import { createRefundActivities } from '../activities/refund.ts';
import { createRepaymentActivities } from '../activities/repayment.ts';
import { createWebhookActivities } from '../activities/webhook.ts';
import { debtChanged, paymentCompleted } from '../workflows/dunning/contract.ts';
import {
  dunningTaskQueue,
  issuerTaskQueue,
  pushTaskQueue,
  parkingTaskQueue,
  reconciliationTaskQueue,
  webhookTaskQueue,
} from '../workflows/task-queue.ts';
import { keepOutbox } from './outbox.ts';

export interface KessaiWorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly workflowBundle: NonNullable<WorkerOptions['workflowBundle']>;
  readonly deps: ActivityDeps;
  readonly buildId?: string | undefined;
  /**
   * Workflows run in this thread, not in one a queue: where workers come and go (tests, a demo), as each thread takes a second or two
   * of CPU to begin. Nothing then ends a workflow that never lets go of it.
   */
  readonly workflowsInThisThread?: boolean;
}

/** Each holds one of the connections that decisions need. */
const COMPARISONS_AT_ONCE = 2;
const CAMPAIGN_STEPS_AT_ONCE = 4;
const PUSH_STEPS_AT_ONCE = 4;

/** The workers of one process. */
export interface KessaiWorkers {
  /** Until they are shut down; rejects, with all of them stopped, when one fails. */
  readonly run: () => Promise<void>;
  readonly shutdown: () => void;
  readonly isRunning: () => boolean;
}

/**
 * One worker for the queue that tills wait for, with the activities of its workflows, so that local steps stay local; one
 * for the queue that calls merchants; one for campaigns; one that calls push services; two, of activities alone, for the queues that call issuers and that compare books.
 * Each has its own slots: slow receivers and long work take none from tills.
 */
export async function createWorkers(options: KessaiWorkerOptions): Promise<KessaiWorkers> {
  const { workflowBundle: _, ...withoutWorkflows } = sharedOptions(options);
  const { connection, namespace, taskQueue } = options;
  const client = new Client({ connection, namespace });
  const startPush = createPushStarter({ client, taskQueue });
  const signalCampaign = createCampaignSignaller({ client, taskQueue });
  const workers = await Promise.all([
    Worker.create(tillOptions(options)),
    Worker.create({
      ...sharedOptions(options),
      taskQueue: webhookTaskQueue(options.taskQueue),
      activities: createWebhookActivities(options.deps),
      maxCachedWorkflows: 200,
      maxConcurrentWorkflowTaskExecutions: 20,
      maxConcurrentActivityTaskExecutions: 100,
    }),
    Worker.create({
      ...sharedOptions(options),
      taskQueue: dunningTaskQueue(options.taskQueue),
      activities: {
        ...createDunningActivities({ ...options.deps, startPush }),
        ...createPolicyActivities({ pool: options.deps.pool, signalCampaign }),
      },
      // A campaign sleeps for days between steps: few are worth keeping, so most of its steps come by the queue that is not of those
      // kept. A poll that waits holds a slot: with as many slots as polls, all but two waited for campaigns that were kept.
      maxCachedWorkflows: 100,
      maxConcurrentWorkflowTaskExecutions: 20,
      nonStickyToStickyPollRatio: 0.8,
      // Each holds a connection of those that decisions need.
      maxConcurrentLocalActivityExecutions: CAMPAIGN_STEPS_AT_ONCE,
      maxConcurrentActivityTaskExecutions: CAMPAIGN_STEPS_AT_ONCE,
    }),
    Worker.create({
      ...sharedOptions(options),
      taskQueue: pushTaskQueue(options.taskQueue),
      activities: createPushActivities(options.deps),
      maxCachedWorkflows: 200,
      maxConcurrentWorkflowTaskExecutions: 20,
      maxConcurrentLocalActivityExecutions: PUSH_STEPS_AT_ONCE,
      maxConcurrentActivityTaskExecutions: 100,
    }),
    Worker.create({
      ...withoutWorkflows,
      taskQueue: issuerTaskQueue(options.taskQueue),
      activities: createIssuerActivities(options.deps),
      maxConcurrentActivityTaskExecutions: 100,
    }),
    Worker.create({
      ...withoutWorkflows,
      taskQueue: parkingTaskQueue(options.taskQueue),
      activities: createParkingOperatorActivities(options.deps),
      maxConcurrentActivityTaskExecutions: 100,
    }),
    Worker.create({
      ...withoutWorkflows,
      taskQueue: reconciliationTaskQueue(options.taskQueue),
      activities: createReconciliationActivities(options.deps),
      maxConcurrentActivityTaskExecutions: COMPARISONS_AT_ONCE,
    }),
  ]);
  let outbox: ReturnType<typeof keepOutbox> | undefined;
  const shutdown = (): void => {
    void outbox?.stop();
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  return {
    async run() {
      const { pool } = options.deps;
      outbox = keepOutbox({
        pool,
        startPush,
        writeReceipt: createReceiptWriter(pool),
        startWebhook: createWebhookStarter({ client, taskQueue }),
        tellOfPayment: (debt) => signalCampaign(debt, paymentCompleted),
        wakeCampaign: (debt) => signalCampaign(debt, debtChanged),
      });
      const runs = workers.map((worker) => worker.run().finally(shutdown));
      const ends = await Promise.allSettled(runs);
      await outbox.stop();
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    },
    shutdown,
    isRunning: () => workers.every((worker) => worker.getState() === 'RUNNING'),
  };
}

/**
 * A worker beside the API in its process, for the queue that tills wait for: what the API starts eagerly is decided here,
 * without a way through Temporal's queues. Its regular activities are left to the worker process.
 */
export async function createTillWorker(options: KessaiWorkerOptions): Promise<Worker> {
  return Worker.create({ ...tillOptions(options), enableNonLocalActivities: false });
}

function tillOptions(options: KessaiWorkerOptions): WorkerOptions {
  return {
    ...sharedOptions(options),
    taskQueue: options.taskQueue,
    activities: {
      ...createPaymentActivities(options.deps),
      ...createJournalActivities(options.deps),
      ...createRefundActivities(options.deps),
      ...createRepaymentActivities(options.deps),
      ...createParkingSettlementActivities(options.deps),
    },
    // A payment lives for milliseconds in the cache; what waits for days is replayed from a short history.
    maxCachedWorkflows: 1_000,
    maxConcurrentWorkflowTaskExecutions: 100,
    maxConcurrentLocalActivityExecutions: 100,
    maxConcurrentActivityTaskExecutions: 100,
  };
}

function sharedOptions(options: KessaiWorkerOptions) {
  const { connection, namespace, workflowBundle, buildId, workflowsInThisThread = false } = options;
  return {
    connection,
    namespace,
    workflowBundle,
    debugMode: workflowsInThisThread,
    shutdownGraceTime: '10s' as const,
    ...(buildId === undefined
      ? {}
      : {
          workerDeploymentOptions: {
            version: { deploymentName: 'kessai', buildId },
            useWorkerVersioning: true as const,
            defaultVersioningBehavior: 'AUTO_UPGRADE' as const,
          },
        }),
  };
}
