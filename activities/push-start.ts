import type { Client } from '@temporalio/client';
import { pushWorkflowId, type PushInput } from '../workflows/push/contract.ts';
import { pushTaskQueue } from '../workflows/task-queue.ts';

/** Starts the push of a message of the inbox, unless it runs already. */
export type StartPush = (messageId: string) => Promise<void>;

const DEADLINE_MS = 1_000;

/**
 * Starts pushes with a client and not as children of the workflows they come from: a child tells its parent of its end, and that
 * would cost a campaign four events a contact. What is not started here, the outbox starts (workers/outbox.ts).
 */
export function createPushStarter({ client, taskQueue }: { client: Client; taskQueue: string }): StartPush {
  return async (messageId) => {
    await client.withDeadline(Date.now() + DEADLINE_MS, () =>
      client.workflow.start('push', {
        workflowId: pushWorkflowId(messageId),
        taskQueue: pushTaskQueue(taskQueue),
        args: [{ messageId } satisfies PushInput],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        staticSummary: `push ${messageId}`,
      }),
    );
  };
}
