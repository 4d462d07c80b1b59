import { defineUpdate } from '@temporalio/workflow';
import type { PaymentView } from '../../domain/payment/payment.ts';

export interface PaymentCancelInput {
  readonly merchantId: string;
  readonly merchantPaymentId: string;
  /** Id for the tombstone if the payment has never been seen. */
  readonly paymentId: string;
  readonly reason?: string | undefined;
}

export type PaymentCancelOutcome =
  | { readonly kind: 'done'; readonly view: PaymentView }
  /** The payment's issuer has not spoken yet; it is canceled as soon as it has. */
  | { readonly kind: 'pending'; readonly view: PaymentView }
  /** Too late, or refunded already: a refund is the way, if any. */
  | {
      readonly kind: 'refused';
      readonly detail: string;
      readonly view: PaymentView;
      /** A refund on its way bars it, which may yet fail: then the run fails, and the next request is judged anew. */
      readonly isForNow?: boolean;
    };

/** Waits for the end of the cancellation that the same call starts. */
export const submitCancel = defineUpdate<PaymentCancelOutcome>('submitCancel');

/** One cancellation per payment: asking again finds the first one's end, unless that was a refusal for now. */
export function paymentCancelWorkflowId(merchantId: string, merchantPaymentId: string): string {
  return `payment-cancel:${merchantId}:${merchantPaymentId}`;
}
