import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild, WorkflowIdReusePolicy } from '@temporalio/workflow';
import { describeMoney } from '../../domain/money.ts';
import type { PaymentOrder } from '../../domain/payment/payment.ts';
import { paymentWorkflowId, submittedAt } from './contract.ts';
import type { payment } from './workflow.ts';

/**
 * Starts a disputed payment's workflow again where it is over, after the deadline or a termination: it asks an operator, or tells the
 * issuer what was given back. The payment's books are not touched by a second run.
 *
 * @returns false where one is open
 */
export async function startDisputedAgain(order: PaymentOrder): Promise<boolean> {
  try {
    await startChild<typeof payment>('payment', {
      workflowId: paymentWorkflowId(order.merchantId, order.merchantPaymentId),
      args: [order],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: `${describeMoney(order)} at ${order.merchantId}/${order.storeId}, disputed late`,
      typedSearchAttributes: submittedAt(order.merchantId),
    });
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return false;
  }
}
