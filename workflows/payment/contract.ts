import { defineUpdate } from '@temporalio/workflow';
import type { CodeMode } from '../../domain/code/format.ts';
import type { PaymentItem, PaymentView } from '../../domain/payment/payment.ts';

/** A till's request as the edge has checked it. The code itself never gets here: only its keyed digest. */
export interface PaymentInput {
  readonly paymentId: string;
  readonly merchantId: string;
  readonly merchantPaymentId: string;
  readonly storeId: string;
  readonly terminalId: string;
  readonly receiptNumber?: string | undefined;
  readonly amount: number;
  readonly currency: string;
  readonly items?: readonly PaymentItem[] | undefined;
  readonly acceptSimilar: boolean;
  readonly codeMode: CodeMode;
  /** Hexadecimal HMAC-SHA-256 of the code. */
  readonly codeDigest: string;
  /** Digest of the whole request body: the same id with another body is refused by comparing it. */
  readonly requestHash: string;
  /** The HTTP request that started this workflow, so that a repeat is told from the first. */
  readonly attemptId: string;
}

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
