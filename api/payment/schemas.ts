import { z } from 'zod';
import {
  DECLINE_CODES,
  FUNDING_SOURCES,
  PAYMENT_STATUSES,
  RECONCILIATIONS,
} from '../../domain/payment/payment.ts';
import { callerId, currency, lineAmount, payableAmount, text, timestamp } from '../http/schemas.ts';

const MAX_LINES = 500;

const item = z.strictObject({
  lineNo: z.int().min(1).max(100_000),
  gtin: z
    .string()
    .regex(/^\d{8}$|^\d{12,14}$/, 'A GTIN has 8, 12, 13 or 14 digits')
    .optional(),
  name: text(200),
  category: text(100).optional(),
  quantity: z
    .number()
    .min(-1_000_000)
    .max(1_000_000)
    .meta({ description: 'Pieces, or kilograms for weighed goods.' }),
  unitAmount: lineAmount,
  amount: lineAmount.meta({
    description: 'Of the line, in minor units: zero and negative (coupons) are allowed.',
  }),
  ingredients: text(5_000).optional(),
});

export const paymentRequest = z.strictObject({
  merchantPaymentId: callerId,
  code: z
    .string()
    .max(200)
    .meta({ description: 'The 24 digits as scanned.', example: '999901112345678901234560' }),
  amount: payableAmount,
  currency,
  storeId: callerId,
  terminalId: callerId,
  receiptNumber: text(64).optional(),
  items: z
    .array(item)
    .max(MAX_LINES)
    .refine((items) => new Set(items.map((it) => it.lineNo)).size === items.length, 'Each lineNo stands once')
    .optional(),
  acceptSimilar: z.boolean().default(false),
});
export type PaymentRequest = z.output<typeof paymentRequest>;

export const paymentView = z
  .object({
    paymentId: z.string(),
    merchantPaymentId: z.string(),
    merchantId: z.string(),
    storeId: z.string().optional(),
    terminalId: z.string().optional(),
    receiptNumber: z.string().optional(),
    status: z.enum(PAYMENT_STATUSES),
    declineCode: z.enum(DECLINE_CODES).optional(),
    amount: z.int(),
    currency: z.string(),
    refundedAmount: z.int(),
    codeMode: z
      .enum(['ONLINE', 'OFFLINE', 'APP'])
      .optional()
      .meta({ description: 'APP: no code, the phone itself asked for the payment.' }),
    fundingSource: z.enum(FUNDING_SOURCES).optional(),
    reconciliation: z
      .enum(RECONCILIATIONS)
      .optional()
      .meta({ description: "Of an offline payment: whether the phone's journal has confirmed it." }),
    requestedAt: timestamp,
    decidedAt: timestamp.optional(),
    canceledAt: timestamp.optional(),
  })
  .meta({
    id: 'Payment',
    description: 'A tombstone (canceled before it was asked for) has amount 0 and no store.',
  });

export const paymentExample = {
  merchantPaymentId: 'order-2026-0001',
  code: '999901112345678901234560',
  amount: 1200,
  currency: 'JPY',
  storeId: 'store-1',
  terminalId: 'till-1',
  receiptNumber: 'R-1',
  items: [{ lineNo: 1, name: 'Onigiri', category: 'FOOD', quantity: 2, unitAmount: 600, amount: 1200 }],
};

export const paymentViewExample = {
  paymentId: 'pay_019aa0c5f3a1b2c3d4e5f60718293a4b',
  merchantPaymentId: 'order-2026-0001',
  merchantId: 'demo-mart',
  storeId: 'store-1',
  terminalId: 'till-1',
  receiptNumber: 'R-1',
  status: 'COMPLETED',
  amount: 1200,
  currency: 'JPY',
  refundedAmount: 0,
  codeMode: 'ONLINE',
  fundingSource: 'BALANCE',
  requestedAt: '2026-11-22T03:04:05.678Z',
  decidedAt: '2026-11-22T03:04:05.701Z',
};
