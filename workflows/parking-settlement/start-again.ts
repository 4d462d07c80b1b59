import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild, WorkflowIdReusePolicy } from '@temporalio/workflow';
import type { SettlementInNeed } from '../../activities/parking-settlement.ts';
import { parkingMerchantId } from '../../domain/parking/settlement.ts';
import { submittedAt } from '../payment/contract.ts';
import { parkingWorkflowId, summaryOf } from './contract.ts';
import type { parkingSettlement } from './workflow.ts';

/**
 * Starts the workflow of a settlement again where it was terminated or has failed: it goes on where the books are.
 *
 * @returns false where one is open
 */
export async function startSettlementAgain(order: SettlementInNeed): Promise<boolean> {
  const { userId, settlementId } = order.input;
  try {
    await startChild<typeof parkingSettlement>('parkingSettlement', {
      workflowId: parkingWorkflowId(userId, settlementId),
      args: [order.input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
      staticSummary: summaryOf(order),
      typedSearchAttributes: submittedAt(parkingMerchantId(order.operatorId)),
    });
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return false;
  }
}
