import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  startChild,
  TemporalFailure,
  workflowInfo,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { debtChanged, dunningWorkflowId, NOT_CONTACTED } from '../dunning/contract.ts';
import { dunning } from '../dunning/workflow.ts';
import { DUNNING_STAGE, PARTNER_ID } from '../search-attributes.ts';
import { dunningTaskQueue } from '../task-queue.ts';

/** Wakes a debt's campaign, which looks into Postgres; where it does not run, begins it anew. */
export function wakeCampaign(it: { issuerId: string; debtId: string }): Promise<void> {
  return CancellationScope.nonCancellable(async () => {
    try {
      await getExternalWorkflowHandle(dunningWorkflowId(it.issuerId, it.debtId)).signal(debtChanged);
    } catch (error) {
      if (!(error instanceof TemporalFailure)) throw error;
      await startCampaign(it);
    }
  });
}

async function startCampaign({ issuerId, debtId }: { issuerId: string; debtId: string }): Promise<void> {
  try {
    await startChild(dunning, {
      workflowId: dunningWorkflowId(issuerId, debtId),
      taskQueue: dunningTaskQueue(workflowInfo().taskQueue),
      args: [{ issuerId, debtId }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: `dunning ${debtId} of ${issuerId}`,
      typedSearchAttributes: [
        { key: PARTNER_ID, value: issuerId },
        { key: DUNNING_STAGE, value: NOT_CONTACTED },
      ],
    });
  } catch (error) {
    // Somebody else has begun it meanwhile, and it has looked.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
