import { defineSignal, defineUpdate } from '@temporalio/workflow';
import type { PaymentOrder, PaymentView } from '../../domain/payment/payment.ts';
import type { OperatorWord } from '../operator-word.ts';
import { AWAITING_OPERATOR, MERCHANT_ID, PAYMENT_STATUS } from '../search-attributes.ts';

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

/** The phone's journal has spoken of an offline payment. Postgres has it already; this wakes the one who waits. */
export interface JournalArrived {
  readonly reconciliation: 'MATCHED' | 'DISPUTED';
  /** A disputed payment's entry has come after all. */
  readonly entryCameAt?: string | undefined;
}
export const journalArrived = defineSignal<[JournalArrived]>('journalArrived');

/** An operator's word on a disputed payment. */
export type DisputeWord = OperatorWord<'ACCEPT' | 'REFUND'>;
export const resolveDispute = defineSignal<[DisputeWord]>('resolveDispute');

/** An operator's word on what became of a payment at its issuer, when the issuer could not be asked for five days. */
export type UnknownWord = OperatorWord<'AUTHORISED' | 'DECLINED'>;
export const resolveUnknown = defineSignal<[UnknownWord]>('resolveUnknown');

/** One workflow per merchant and payment id. */
export function paymentWorkflowId(merchantId: string, merchantPaymentId: string): string {
  return `payment:${merchantId}:${merchantPaymentId}`;
}

/**
 * `PaymentStatus` at the start, while nothing is decided. A decline adds no event to history, so a declined payment
 * keeps it: search `PaymentStatus="SUBMITTED" and ExecutionStatus="Completed"` (docs/operators.md).
 */
export const SUBMITTED = 'SUBMITTED';

/** What operators find a payment's workflow by, from its start. */
export function submittedAt(merchantId: string) {
  return [
    { key: PAYMENT_STATUS, value: SUBMITTED },
    { key: MERCHANT_ID, value: merchantId },
    { key: AWAITING_OPERATOR, value: false },
  ];
}
