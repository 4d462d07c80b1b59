import { fileURLToPath } from 'node:url';
import { Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import { Worker, type NativeConnection } from '@temporalio/worker';
import { createIssuerDunningActivities, type DunningDeps } from './dunning-activities.ts';
import { untoldRepayments } from './registrations.ts';

export interface IssuerWorkerOptions extends DunningDeps {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly onError: (error: unknown) => void;
}

const SCAN_HOUR = 9;
const LOOK_EVERY_MS = 1_000;

/** The issuer's own worker: nothing of it is Kessai's but the API. */
export async function createIssuerWorker(options: IssuerWorkerOptions): Promise<Worker> {
  return Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: options.taskQueue,
    workflowsPath: fileURLToPath(new URL('./dunning-workflows.ts', import.meta.url)),
    activities: createIssuerDunningActivities(options),
    maxCachedWorkflows: 10,
    shutdownGraceTime: '10s',
  });
}

export function scanScheduleId(taskQueue: string): string {
  return `${taskQueue}-daily-scan`;
}

/** The daily scan at nine of the issuer's zone; what is there already is brought to this version. */
export async function ensureScanSchedule(options: IssuerWorkerOptions): Promise<void> {
  const { taskQueue, timeZone } = options;
  const { schedule } = new Client(options);
  const scheduleId = scanScheduleId(taskQueue);
  const wanted = {
    spec: { calendars: [{ hour: SCAN_HOUR, comment: 'daily' }], timezone: timeZone },
    action: { type: 'startWorkflow' as const, workflowType: 'dailyScan', workflowId: scheduleId, taskQueue },
    // A day that was missed is made up for within half a day; the next one would pick the same users anyway.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '12h' as const, pauseOnFailure: false },
  };
  try {
    await schedule.create({ scheduleId, ...wanted });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await schedule.getHandle(scheduleId).update((before) => ({ ...before, ...wanted }));
  }
}

/**
 * Looks for repayments that Kessai does not know and has a workflow tell them. What has been booked is never lost: whoever looks next
 * finds it.
 * @returns ends the looking
 */
export function watchRepayments(options: IssuerWorkerOptions): () => Promise<void> {
  const { pool, taskQueue } = options;
  const { workflow } = new Client(options);
  const look = async (): Promise<void> => {
    if ((await untoldRepayments(pool, 1)).length === 0) return;
    await workflow.start('tellRepayments', {
      workflowId: `${taskQueue}-tell-repayments`,
      taskQueue,
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    });
  };
  let looking = Promise.resolve();
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    looking = look()
      .catch(options.onError)
      .finally(() => {
        isBusy = false;
      });
  }, LOOK_EVERY_MS);
  return async () => {
    clearInterval(timer);
    await looking;
  };
}
