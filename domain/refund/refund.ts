/** States of a refund as the API shows them. */
export const REFUND_STATUSES = ['IN_PROGRESS', 'COMPLETED', 'FAILED'] as const;
export type RefundStatus = (typeof REFUND_STATUSES)[number];

/**
 * Why a refund failed; the API answers with the same code. The first three are decided under the payment's lock, before
 * anything has moved; the others end a refund that was on its way to a pay-later partner.
 */
export const REFUND_FAIL_CODES = [
  'CONFLICT_STATE',
  'REFUND_WINDOW_CLOSED',
  'REFUND_EXCEEDS_REMAINING',
  'REFUND_REFUSED_BY_ISSUER',
  'REFUND_GIVEN_UP',
] as const;
export type RefundFailCode = (typeof REFUND_FAIL_CODES)[number];

/** What a merchant asks for, as the edge has checked it. Amounts are minor units of the payment's currency. */
export interface RefundOrder {
  readonly refundId: string;
  readonly merchantId: string;
  readonly merchantRefundId: string;
  readonly merchantPaymentId: string;
  readonly amount: number;
  readonly reason?: string | undefined;
  /** Digest of the payment's id and the whole body: the same id with another body is refused by comparing it. */
  readonly requestHash: string;
  /** The HTTP request that asked first, so that a repeat is told from it. */
  readonly attemptId: string;
}

/** A refund as merchants, devices and webhooks see it; Postgres' `refund_view` makes it. */
export interface RefundView {
  readonly refundId: string;
  readonly merchantRefundId: string;
  readonly paymentId: string;
  readonly merchantPaymentId: string;
  readonly merchantId: string;
  readonly status: RefundStatus;
  readonly failCode?: RefundFailCode;
  readonly amount: number;
  readonly currency: string;
  readonly reason?: string;
  readonly requestedAt: string;
  readonly decidedAt?: string;
}
