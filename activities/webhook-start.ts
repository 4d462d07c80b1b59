import type { Client } from '@temporalio/client';
import { webhookWorkflowId, type WebhookDeliveryInput } from '../workflows/webhook-delivery/contract.ts';
import { webhookTaskQueue } from '../workflows/task-queue.ts';

const DEADLINE_MS = 1_000;

/**
 * Starts the delivery of an event that no workflow of its own starts, unless it is under way: as a child it would cost a campaign six
 * events.
 */
export function createWebhookStarter({
  client,
  taskQueue,
}: {
  client: Client;
  taskQueue: string;
}): (eventId: string) => Promise<void> {
  return async (eventId) => {
    await client.withDeadline(Date.now() + DEADLINE_MS, () =>
      client.workflow.start('webhookDelivery', {
        workflowId: webhookWorkflowId(eventId),
        taskQueue: webhookTaskQueue(taskQueue),
        args: [{ eventId } satisfies WebhookDeliveryInput],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        staticSummary: `webhook ${eventId}`,
      }),
    );
  };
}
