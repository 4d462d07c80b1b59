import { defineSignal, defineUpdate } from '@temporalio/workflow';
import type { RefundOrder, RefundView } from '../../domain/refund/refund.ts';
import type { OperatorWord } from '../operator-word.ts';

/** A merchant's request as the edge has checked it. */
export type RefundInput = RefundOrder;

/** The end, as the merchant's answer needs it. */
export interface RefundOutcome {
  readonly view: RefundView;
  readonly requestHash: string;
  readonly attemptId: string;
}

/** Waits for the end of the refund that the same call starts. */
export const submitRefund = defineUpdate<RefundOutcome>('submitRefund');

/** An operator says what became of a refund at the issuer. It counts only once the workflow waits for it. */
export const resolveRefund = defineSignal<[OperatorWord<'COMPLETED' | 'FAILED'>]>('resolveRefund');

/** One workflow per merchant and refund id. */
export function refundWorkflowId(merchantId: string, merchantRefundId: string): string {
  return `refund:${merchantId}:${merchantRefundId}`;
}
