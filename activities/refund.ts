import type { Pool } from '../db/pool.ts';
import {
  beginRefund,
  finishRefund,
  giveUpRefund,
  type FinishRefundRequest,
  type StoredRefund,
} from '../db/refund.ts';
import { PAYMENT_POLICY } from '../domain/payment/payment.ts';
import type { RefundInput } from '../workflows/refund/contract.ts';
import { timeOfTry } from './clock.ts';
import { ledgerCall } from './ledger-call.ts';
import { createWaker } from './wake.ts';

export type { StoredRefund };

export interface RefundActivityDeps {
  readonly pool: Pool;
}

/** The ledger steps of a refund. Each is one transaction that remembers its key, so asking again finds what it did. */
export function createRefundActivities({ pool }: RefundActivityDeps) {
  const wake = createWaker(pool);

  return {
    /** Gives the money back, or reserves it where a pay-later partner has to be asked, or finds what was decided. */
    async beginRefund(input: RefundInput & { requestedAt: string; askedAt: string }): Promise<StoredRefund> {
      const { askedAt, ...request } = input;
      const outcome = await ledgerCall(pool, beginRefund, {
        ...request,
        decidedAt: timeOfTry(askedAt),
        refundWindowDays: PAYMENT_POLICY.refundWindowDays,
      });
      if (outcome.view.status === 'COMPLETED') wake(outcome);
      return outcome;
    },

    /** Ends a refund that a pay-later partner or an operator has decided, or finds its end. */
    async finishRefund(
      input: Omit<FinishRefundRequest, 'decidedAt'> & { askedAt: string },
    ): Promise<StoredRefund> {
      const { askedAt, ...request } = input;
      const outcome = await ledgerCall(pool, finishRefund, { ...request, decidedAt: timeOfTry(askedAt) });
      if (outcome.view.status === 'COMPLETED') wake(outcome);
      return outcome;
    },

    /** Puts a refund whose outcome nobody could find out among the reconciliation breaks, once. */
    async giveUpRefund(input: { refundId: string; detail: string; askedAt: string }): Promise<void> {
      const { askedAt, ...request } = input;
      await ledgerCall(pool, giveUpRefund, { ...request, openedAt: timeOfTry(askedAt) });
    },
  };
}
