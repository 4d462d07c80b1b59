import {
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  type Client,
} from '@temporalio/client';
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
  SUBMITTED,
  type PaymentInput,
  type PaymentOutcome,
} from '../../workflows/payment/contract.ts';
import { AWAITING_OPERATOR, MERCHANT_ID, PAYMENT_STATUS } from '../../workflows/search-attributes.ts';
import { findRunning, howToStart, inTime, type Started, type StartOptions } from '../workflow-start.ts';
import type { Decisions } from './decisions.ts';

export interface PaymentStartOptions extends StartOptions {
  readonly eager?: EagerStarts | undefined;
}

/** What a process has that holds a worker for payments. */
export interface EagerStarts {
  /** A client on that worker's own connection; undefined while there is no such worker. */
  readonly client: () => Client | undefined;
  /** Where that worker's activities tell what they decide. */
  readonly decisions: Decisions;
}

/**
 * Starts a payment, or finds the one of the same id, and waits for its decision. The only place that starts one.
 *
 * With a worker in this process it starts eagerly: the server gives the first workflow task back with the start, and the
 * decision is handed over here as soon as it is committed (docs/adr/0007). What that does not answer, the update does.
 */
export async function startPayment(
  input: PaymentInput,
  options: PaymentStartOptions,
): Promise<Started<PaymentOutcome>> {
  const untilMs = Date.now() + options.tillDeadlineMs;
  const early = await startEagerly(input, options, untilMs);
  if (early !== undefined) return early;
  const startWorkflowOperation = new WithStartWorkflowOperation('payment', startOf(input, options));
  return inTime(
    options,
    () =>
      options.temporal.workflow.executeUpdateWithStart(submit, {
        updateId: input.merchantPaymentId,
        startWorkflowOperation,
      }),
    untilMs,
  );
}

/** @returns undefined where the update has to be asked: another process decides it, or this one could not */
async function startEagerly(
  input: PaymentInput,
  options: PaymentStartOptions,
  untilMs: number,
): Promise<Started<PaymentOutcome> | undefined> {
  const client = options.eager?.client();
  if (options.eager === undefined || client === undefined) return undefined;
  try {
    const told = await options.eager.decisions.await(input, untilMs, async () => {
      const handle = await client.withDeadline(untilMs, () =>
        client.workflow.start('payment', { ...startOf(input, options), requestEagerStart: true }),
      );
      return handle.eagerlyStarted;
    });
    if (told?.kind === 'late') return { kind: 'unknown', cause: new Error('no decision in time') };
    return told?.kind === 'decided' ? told : undefined;
  } catch (error) {
    // It has closed: Postgres knows its decision, and an update that was never asked has no answer in Temporal.
    if (error instanceof WorkflowExecutionAlreadyStartedError) return { kind: 'unknown', cause: error };
    return undefined;
  }
}

function startOf(input: PaymentInput, options: StartOptions) {
  return {
    workflowId: paymentWorkflowId(input.merchantId, input.merchantPaymentId),
    ...howToStart(options),
    args: [input],
    staticSummary: `${describeMoney(input)} at ${input.merchantId}/${input.storeId}`,
    memo: { payment: inProgressView(input, new Date()), requestHash: input.requestHash },
    typedSearchAttributes: [
      { key: PAYMENT_STATUS, value: SUBMITTED },
      { key: MERCHANT_ID, value: input.merchantId },
      { key: AWAITING_OPERATOR, value: false },
    ],
  };
}

/** Starts a cancellation, or finds the one there is, and waits for its end. */
export async function startPaymentCancel(
  input: PaymentCancelInput,
  options: StartOptions,
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
      updateId: input.merchantPaymentId,
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
