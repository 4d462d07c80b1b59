import type { Client } from '@temporalio/client';
import { webhookTaskQueue } from '../../workflows/task-queue.ts';
import { deliverNow, webhookWorkflowId } from '../../workflows/webhook-delivery/contract.ts';

/** Delivers an event now: ends the back-off of a delivery that runs, or starts one again. */
export async function replayWebhook(temporal: Client, taskQueue: string, eventId: string): Promise<void> {
  await temporal.workflow.signalWithStart('webhookDelivery', {
    workflowId: webhookWorkflowId(eventId),
    taskQueue: webhookTaskQueue(taskQueue),
    args: [{ eventId }],
    signal: deliverNow,
    signalArgs: [],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    staticSummary: `webhook ${eventId}`,
  });
}
