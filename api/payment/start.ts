import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import { describeMoney } from '../../domain/money.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import {
  paymentCancelWorkflowId,
  submitCancel,
  type PaymentCancelInput,
  type PaymentCancelOutcome,
} from '../../workflows/payment-cancel/contract.ts';
import {
  paymentWorkflowId,
  submit,
  submittedAt,
  type PaymentInput,
  type PaymentOutcome,
} from '../../workflows/payment/contract.ts';
import { MERCHANT_ID } from '../../workflows/search-attributes.ts';
import {
  findRunning,
  howToStart,
  inTime,
  startDecided,
  type EagerStartOptions,
  type Started,
  type StartOptions,
} from '../workflow-start.ts';

/** Starts a payment, or finds the one of the same id, and waits for its decision. The only place that starts one. */
export async function startPayment(
  input: PaymentInput,
  options: EagerStartOptions,
): Promise<Started<PaymentOutcome>> {
  return startDecided(
    {
      type: 'payment',
      start: {
        workflowId: paymentWorkflowId(input.merchantId, input.merchantPaymentId),
        args: [input],
        staticSummary: `${describeMoney(input)} at ${input.merchantId}/${input.storeId}`,
        memo: { payment: inProgressView(input, new Date()), requestHash: input.requestHash },
        typedSearchAttributes: submittedAt(input.merchantId),
      },
      update: submit,
      // Another body's run answers under its own id and fails: the first body is not answered from that, and starts anew.
      updateId: `${input.merchantPaymentId}:${input.requestHash}`,
      attemptId: input.attemptId,
    },
    options,
  );
}

/**
 * Starts a cancellation, or finds the one there is, and waits for its end. Another `updateId` hears what a run of now says, and no
 * earlier answer.
 */
export async function startPaymentCancel(
  input: PaymentCancelInput,
  options: StartOptions,
  updateId = input.merchantPaymentId,
): Promise<Started<PaymentCancelOutcome>> {
  const startWorkflowOperation = new WithStartWorkflowOperation('paymentCancel', {
    workflowId: paymentCancelWorkflowId(input.merchantId, input.merchantPaymentId),
    ...howToStart(options),
    args: [input],
    staticSummary: `cancel ${input.merchantPaymentId} at ${input.merchantId}`,
    typedSearchAttributes: [{ key: MERCHANT_ID, value: input.merchantId }],
  });
  return inTime(options, () =>
    options.temporal.workflow.executeUpdateWithStart(submitCancel, {
      updateId,
      startWorkflowOperation,
    }),
  );
}

/** A payment that runs and is not decided, as its workflow's memo tells it. */
export interface PendingPayment {
  readonly view: PaymentView;
  readonly requestHash: string;
}

/** Looks at the workflow of a payment that Postgres does not know yet. */
export async function findPendingPayment(
  temporal: Client,
  merchantId: string,
  merchantPaymentId: string,
): Promise<PendingPayment | undefined> {
  const memo = await findRunning<{ payment: PaymentView; requestHash: string }>(
    temporal,
    paymentWorkflowId(merchantId, merchantPaymentId),
  );
  return memo && { view: memo.payment, requestHash: memo.requestHash };
}

function inProgressView(input: PaymentInput, now: Date): PaymentView {
  return {
    paymentId: input.paymentId,
    merchantPaymentId: input.merchantPaymentId,
    merchantId: input.merchantId,
    storeId: input.storeId,
    terminalId: input.terminalId,
    ...(input.receiptNumber === undefined ? {} : { receiptNumber: input.receiptNumber }),
    status: 'IN_PROGRESS',
    amount: input.amount,
    currency: input.currency,
    refundedAmount: 0,
    codeMode: input.codeMode,
    requestedAt: now.toISOString(),
  };
}
