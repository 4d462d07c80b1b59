import { ParentClosePolicy, startChild, WorkflowIdReusePolicy } from '@temporalio/workflow';
import { webhookWorkflowId } from './contract.ts';
import { webhookDelivery } from './workflow.ts';

/** Starts the delivery of an event. It lives on by itself; waiting for its start keeps it from being lost when the caller closes. */
export async function startWebhookDelivery(eventId: string): Promise<void> {
  await startChild(webhookDelivery, {
    workflowId: webhookWorkflowId(eventId),
    args: [{ eventId }],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    staticSummary: `webhook ${eventId}`,
  });
}
