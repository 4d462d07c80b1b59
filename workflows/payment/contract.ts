import { defineUpdate } from '@temporalio/workflow';
import type { PaymentOrder, PaymentView } from '../../domain/payment/payment.ts';

/** A till's request as the edge has checked it. */
export type PaymentInput = PaymentOrder;

/** The decision, as the till's answer needs it. */
export interface PaymentOutcome {
  readonly view: PaymentView;
  readonly requestHash: string | null;
  readonly attemptId: string | null;
}

/** Waits for the decision of the payment that the same call starts. */
export const submit = defineUpdate<PaymentOutcome>('submit');

/** One workflow per merchant and payment id. */
export function paymentWorkflowId(merchantId: string, merchantPaymentId: string): string {
  return `payment:${merchantId}:${merchantPaymentId}`;
}

/**
 * `PaymentStatus` at the start, while nothing is decided. A decline adds no event to history, so a declined payment
 * keeps it: search `PaymentStatus="SUBMITTED" and ExecutionStatus="Completed"` (docs/operators.md).
 */
export const SUBMITTED = 'SUBMITTED';
