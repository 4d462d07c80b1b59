import { ChildWorkflowFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  executeChild,
  ParentClosePolicy,
  sleep,
  uuid4,
  workflowInfo,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import {
  parkingMerchantId,
  parkingRefundId,
  type SettlementRefundReason,
} from '../../domain/parking/settlement.ts';
import type { RefundView } from '../../domain/refund/refund.ts';
import { ledgerStep, workflowNow } from '../payment/ledger-step.ts';
import { refundWorkflowId } from '../refund/contract.ts';
import { refund } from '../refund/workflow.ts';
import { AWAITING_OPERATOR, MERCHANT_ID } from '../search-attributes.ts';
import type { Book } from './book.ts';

/** Doubled each time: an issuer may keep a refund for days, and history is not endless. */
const TRY_AGAIN_MS = { first: 5_000, most: 3_600_000 };

/** Gives all of it back, once, to where it came from. */
export async function giveBack(book: Book, reason: SettlementRefundReason): Promise<void> {
  await book.step({ step: 'REFUNDING', reason });
  const ended = await refundInFull(book, reason);
  const status = ended.status === 'COMPLETED' ? 'COMPLETED' : 'FAILED';
  if (status === 'FAILED') {
    await ledgerStep((activities) =>
      activities.recordIssuerBreak({
        class: 'unknown_outcome',
        paymentId: ended.paymentId,
        reference: `parking:${book.ref}`,
        detail: `The driver is to get this settlement back (${reason}), and the refund failed: ${ended.failCode ?? ''}.`,
        at: workflowNow(),
      }),
    );
  }
  await book.step({ step: 'REFUNDED', status });
}

async function refundInFull(book: Book, reason: SettlementRefundReason): Promise<RefundView> {
  const { operatorId, amount } = book.view();
  const merchantId = parkingMerchantId(operatorId);
  const merchantRefundId = parkingRefundId(book.ref);
  for (let delayMs = TRY_AGAIN_MS.first; ; delayMs = Math.min(2 * delayMs, TRY_AGAIN_MS.most)) {
    try {
      return await executeChild(refund, {
        workflowId: refundWorkflowId(merchantId, merchantRefundId),
        args: [
          {
            refundId: `ref_${uuid4().replaceAll('-', '')}`,
            merchantId,
            merchantRefundId,
            merchantPaymentId: book.ref,
            amount,
            reason: `parking: ${reason}`,
            requestHash: `parking:${book.ref}`,
            attemptId: workflowInfo().workflowId,
          },
        ],
        // It lives on by itself, and one that has ended is found again in Postgres.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        staticSummary: `refund of parking ${book.ref} at ${operatorId}`,
        typedSearchAttributes: [
          { key: MERCHANT_ID, value: merchantId },
          { key: AWAITING_OPERATOR, value: false },
        ],
      });
    } catch (error) {
      // On its way since before a reset or a termination of this workflow; or ended from outside, and what it began is in Postgres.
      const isElsewhere = error instanceof WorkflowExecutionAlreadyStartedError;
      if (!isElsewhere && !(error instanceof ChildWorkflowFailure)) throw error;
      await sleep(delayMs);
    }
  }
}
