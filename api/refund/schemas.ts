import { z } from 'zod';
import { REFUND_FAIL_CODES, REFUND_STATUSES } from '../../domain/refund/refund.ts';
import { callerId, payableAmount, text, timestamp } from '../http/schemas.ts';

export const refundRequest = z.strictObject({
  merchantRefundId: callerId,
  amount: payableAmount.meta({ description: "Integer minor units of the payment's currency." }),
  reason: text(200).optional(),
});
export type RefundRequest = z.output<typeof refundRequest>;

export const refundView = z
  .object({
    refundId: z.string(),
    merchantRefundId: z.string(),
    paymentId: z.string(),
    merchantPaymentId: z.string(),
    merchantId: z.string(),
    status: z.enum(REFUND_STATUSES),
    failCode: z.enum(REFUND_FAIL_CODES).optional(),
    amount: z.int(),
    currency: z.string(),
    reason: z.string().optional(),
    requestedAt: timestamp,
    decidedAt: timestamp.optional(),
  })
  .meta({ id: 'Refund', description: '`failCode` says why a FAILED refund gave nothing back.' });

export const refundExample = {
  merchantRefundId: 'return-2026-0001',
  amount: 400,
  reason: 'one article came back',
};

export const refundViewExample = {
  refundId: 'ref_019aa0c7d4a1b2c3d4e5f60718293a4b',
  merchantRefundId: 'return-2026-0001',
  paymentId: 'pay_019aa0c5f3a1b2c3d4e5f60718293a4b',
  merchantPaymentId: 'order-2026-0001',
  merchantId: 'demo-mart',
  status: 'COMPLETED',
  amount: 400,
  currency: 'JPY',
  reason: 'one article came back',
  requestedAt: '2026-11-23T03:04:05.678Z',
  decidedAt: '2026-11-23T03:04:05.701Z',
};

export const refundUnderWayExample = {
  refundId: 'ref_019aa0c7d4a1b2c3d4e5f60718293a4b',
  merchantRefundId: 'return-2026-0001',
  paymentId: 'pay_019aa0c5f3a1b2c3d4e5f60718293a4b',
  merchantPaymentId: 'order-2026-0001',
  merchantId: 'demo-mart',
  status: 'IN_PROGRESS',
  amount: 400,
  currency: 'JPY',
  requestedAt: '2026-11-23T03:04:05.678Z',
};
