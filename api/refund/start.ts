import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import { describeMoney } from '../../domain/money.ts';
import type { RefundView } from '../../domain/refund/refund.ts';
import {
  refundWorkflowId,
  submitRefund,
  type RefundInput,
  type RefundOutcome,
} from '../../workflows/refund/contract.ts';
import { AWAITING_OPERATOR, MERCHANT_ID } from '../../workflows/search-attributes.ts';
import { findRunning, howToStart, inTime, type Started, type StartOptions } from '../workflow-start.ts';

/** What Kessai knows of the payment when a refund of it is asked for. */
export interface RefundedPayment {
  readonly paymentId: string;
  readonly currency: string;
}

/** Starts a refund, or finds the one of the same id, and waits for its end. */
export async function startRefund(
  input: RefundInput,
  payment: RefundedPayment,
  options: StartOptions,
): Promise<Started<RefundOutcome>> {
  const { amount, merchantId, merchantPaymentId } = input;
  const money = describeMoney({ amount, currency: payment.currency });
  const startWorkflowOperation = new WithStartWorkflowOperation('refund', {
    workflowId: refundWorkflowId(merchantId, input.merchantRefundId),
    ...howToStart(options),
    args: [input],
    staticSummary: `refund ${money} of ${merchantPaymentId} at ${merchantId}`,
    memo: { refund: inProgressView(input, payment, new Date()), requestHash: input.requestHash },
    typedSearchAttributes: [
      { key: MERCHANT_ID, value: merchantId },
      { key: AWAITING_OPERATOR, value: false },
    ],
  });
  return inTime(options, () =>
    options.temporal.workflow.executeUpdateWithStart(submitRefund, {
      updateId: input.merchantRefundId,
      startWorkflowOperation,
    }),
  );
}

/** A refund that runs and that Postgres may not know yet, as its workflow's memo tells it. */
export interface PendingRefund {
  readonly view: RefundView;
  readonly requestHash: string;
}

/** Looks at the workflow of a refund that Postgres does not know yet. */
export async function findPendingRefund(
  temporal: Client,
  merchantId: string,
  merchantRefundId: string,
): Promise<PendingRefund | undefined> {
  const memo = await findRunning<{ refund: RefundView; requestHash: string }>(
    temporal,
    refundWorkflowId(merchantId, merchantRefundId),
  );
  return memo && { view: memo.refund, requestHash: memo.requestHash };
}

function inProgressView(input: RefundInput, payment: RefundedPayment, now: Date): RefundView {
  return {
    refundId: input.refundId,
    merchantRefundId: input.merchantRefundId,
    paymentId: payment.paymentId,
    merchantPaymentId: input.merchantPaymentId,
    merchantId: input.merchantId,
    status: 'IN_PROGRESS',
    amount: input.amount,
    currency: payment.currency,
    ...(input.reason === undefined ? {} : { reason: input.reason }),
    requestedAt: now.toISOString(),
  };
}
