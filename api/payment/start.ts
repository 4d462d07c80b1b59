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
import type { Decisions } from './decisions.ts';

/** A worker that dies in the middle of a decision is replaced after this time; the ledger step itself takes at most 3 s. */
const TASK_TIMEOUT = '5s';

export interface StartOptions {
  readonly temporal: Client;
  readonly taskQueue: string;
  readonly tillDeadlineMs: number;
  readonly eager?: EagerStarts | undefined;
}

/** What a process has that holds a worker for payments. */
export interface EagerStarts {
  /** A client on that worker's own connection; undefined while there is no such worker. */
  readonly client: () => Client | undefined;
  /** Where that worker's activities tell what they decide. */
  readonly decisions: Decisions;
}

/** What Temporal said in time; what it did not say is settled by asking Postgres. */
export type Started<Outcome> =
  | { readonly kind: 'decided'; readonly outcome: Outcome }
  /** No decision in time, or the workflow has closed and its answer is not kept any more. */
  | { readonly kind: 'unknown'; readonly cause: unknown };

/**
 * Starts a payment, or finds the one of the same id, and waits for its decision. The only place that starts one.
 *
 * With a worker in this process it starts eagerly: the server gives the first workflow task back with the start, and the
 * decision is handed over here as soon as it is committed (docs/adr/0007). What that does not answer, the update does.
 */
export async function startPayment(
  input: PaymentInput,
  options: StartOptions,
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
  options: StartOptions,
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
  const handle = temporal.workflow.getHandle(paymentWorkflowId(merchantId, merchantPaymentId));
  const description = await temporal
    .withDeadline(Date.now() + LOOK_DEADLINE_MS, () => handle.describe())
    .catch((error: unknown) => {
      if (error instanceof Error && error.name === 'WorkflowNotFoundError') return undefined;
      throw error;
    });
  if (description?.status.name !== 'RUNNING') return undefined;
  const memo = description.memo as { payment: PaymentView; requestHash: string };
  return { view: memo.payment, requestHash: memo.requestHash };
}

const LOOK_DEADLINE_MS = 2_000;

/** A repeat joins what runs. What has closed answers for good, and only what was terminated or failed begins anew. */
export function howToStart({ taskQueue }: StartOptions) {
  return {
    taskQueue,
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    workflowTaskTimeout: TASK_TIMEOUT,
  } as const;
}

/** Waits for an answer for as long as a till does; no answer, or none any more, is a value. */
export async function inTime<Outcome>(
  { temporal, tillDeadlineMs }: StartOptions,
  ask: () => Promise<Outcome>,
  untilMs = Date.now() + tillDeadlineMs,
): Promise<Started<Outcome>> {
  try {
    return { kind: 'decided', outcome: await temporal.withDeadline(untilMs, ask) };
  } catch (error) {
    return { kind: 'unknown', cause: error };
  }
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
