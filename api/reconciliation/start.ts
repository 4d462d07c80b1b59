import type { Client } from '@temporalio/client';
import { addDays } from '../../domain/reconciliation/policy.ts';
import { booksChanged, reconciliationWorkflowId } from '../../workflows/reconciliation/contract.ts';

/** Compares a merchant's day and its neighbours now; a run that is under way compares once more. */
export async function reconcileAfterUpload(
  temporal: Client,
  taskQueue: string,
  merchantId: string,
  day: string,
): Promise<void> {
  await temporal.workflow.signalWithStart('reconciliation', {
    workflowId: reconciliationWorkflowId(day, merchantId),
    taskQueue,
    args: [{ days: { from: addDays(day, -1), to: addDays(day, 1) }, merchantId }],
    signal: booksChanged,
    signalArgs: [],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    staticSummary: `file of ${day}`,
  });
}
