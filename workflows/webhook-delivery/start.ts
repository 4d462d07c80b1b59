import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild, workflowInfo, WorkflowIdReusePolicy } from '@temporalio/workflow';
import { webhookTaskQueue } from '../task-queue.ts';
import { webhookWorkflowId } from './contract.ts';
import { webhookDelivery } from './workflow.ts';

/**
 * Starts the delivery of an event, unless it runs already. It lives on by itself, on a queue of its own so that slow
 * receivers keep no till waiting; waiting for its start keeps it from being lost when the caller closes.
 *
 * @param taskQueue the main one, for a caller that has a queue of its own
 */
export async function startWebhookDelivery(
  eventId: string,
  taskQueue = workflowInfo().taskQueue,
): Promise<void> {
  try {
    await startChild(webhookDelivery, {
      workflowId: webhookWorkflowId(eventId),
      taskQueue: webhookTaskQueue(taskQueue),
      args: [{ eventId }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: `webhook ${eventId}`,
    });
  } catch (error) {
    // A reset or a replay of the caller: the event is on its way.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
