import type { RefundView } from '../../domain/refund/refund.ts';
import type { Answer } from './client.ts';
import { uniqueId, type GivenMerchant } from './givens.ts';

export type RefundAnswer = Answer<RefundView & { code?: string }>;

export interface RefundBody {
  merchantRefundId: string;
  amount: number;
  [more: string]: unknown;
}

/** A body that would be accepted for a payment of 500, with whatever the test wants otherwise. */
export function refundBody(it: Partial<RefundBody> = {}): RefundBody {
  return { merchantRefundId: uniqueId('r'), amount: 100, ...it };
}

/** Asks for a refund, and gives the answer whatever it is. */
export function refundOf(
  merchant: GivenMerchant,
  payment: { readonly merchantPaymentId: string },
  it: Partial<RefundBody> = {},
): Promise<RefundAnswer> {
  return merchant.call('POST', `/v1/payments/${payment.merchantPaymentId}/refunds`, refundBody(it));
}
