import { Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { NIGHTLY } from '../domain/reconciliation/policy.ts';

/** One schedule a task queue: installations that share a namespace each have theirs. */
export function reconciliationScheduleId(taskQueue: string): string {
  return `${taskQueue}-reconciliation`;
}

/**
 * Creates the schedules of this installation, or brings them to this version; pausing by hand stays.
 * @throws where the server knows no schedules or this key may not make them
 */
export async function ensureSchedules(
  connection: NativeConnection,
  namespace: string,
  taskQueue: string,
): Promise<'created' | 'updated'> {
  const { schedule } = new Client({ connection, namespace });
  const scheduleId = reconciliationScheduleId(taskQueue);
  const wanted = {
    spec: { calendars: [{ hour: NIGHTLY.hour, comment: 'daily' }], timezone: NIGHTLY.timeZone },
    action: {
      type: 'startWorkflow' as const,
      workflowType: 'reconciliation',
      // The server adds the time of the run.
      workflowId: 'reconciliation',
      taskQueue,
      args: [{}],
      staticSummary: 'nightly reconciliation',
    },
    policies: {
      overlap: ScheduleOverlapPolicy.SKIP,
      // A night that was missed is made up for; each run looks at the nights before anyway.
      catchupWindow: '20h' as const,
      pauseOnFailure: false,
    },
  };
  try {
    await schedule.create({ scheduleId, ...wanted });
    return 'created';
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await schedule.getHandle(scheduleId).update((before) => ({ ...before, ...wanted }));
    return 'updated';
  }
}
