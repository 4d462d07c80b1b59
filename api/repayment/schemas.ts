import { z } from 'zod';
import { REPAYMENT_FAIL_CODES, REPAYMENT_STATUSES } from '../../domain/repayment/repayment.ts';
import { callerId, payableAmount, timestamp } from '../http/schemas.ts';

export const repaymentRequest = z.strictObject({
  repaymentId: callerId,
  amount: payableAmount.optional().meta({
    description: "Integer minor units of the debt's currency; all that is left if it is not given.",
  }),
});
export type RepaymentRequest = z.output<typeof repaymentRequest>;

export const repaymentView = z
  .object({
    repaymentId: z.string(),
    debtId: z.string(),
    status: z.enum(REPAYMENT_STATUSES),
    failCode: z.enum(REPAYMENT_FAIL_CODES).optional(),
    amount: z.int(),
    currency: z.string(),
    requestedAt: timestamp,
    decidedAt: timestamp.optional(),
  })
  .meta({ id: 'Repayment', description: '`failCode` says why a FAILED repayment moved no money.' });

export const repaymentExample = { repaymentId: 'repay-1', amount: 5_000 };

export const repaymentViewExample = {
  repaymentId: 'repay-1',
  debtId: 'bill-2026-11-0001',
  status: 'COMPLETED',
  amount: 5_000,
  currency: 'JPY',
  requestedAt: '2026-12-02T03:04:05.678Z',
  decidedAt: '2026-12-02T03:04:05.803Z',
};

export const repaymentUnderWayExample = {
  repaymentId: 'repay-1',
  debtId: 'bill-2026-11-0001',
  status: 'IN_PROGRESS',
  amount: 5_000,
  currency: 'JPY',
  requestedAt: '2026-12-02T03:04:05.678Z',
};
