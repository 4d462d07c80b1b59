import { listIssuerAttempts } from '../db/issuer.ts';
import type { Pool } from '../db/pool.ts';
import {
  beginRefund,
  finishRefund,
  giveUpRefund,
  type FinishRefundRequest,
  type GiveUpRefundRequest,
  type StoredRefund,
} from '../db/refund.ts';
import { paymentOperationKeys } from '../domain/credit/credit.ts';
import { PAYMENT_POLICY } from '../domain/payment/payment.ts';
import type { RefundInput } from '../workflows/refund/contract.ts';
import { timeOfTry } from './clock.ts';
import { ledgerCall } from './ledger-call.ts';
import { createWaker } from './wake.ts';

export type { StoredRefund };

/** A refund as it began. */
export interface BegunRefund extends StoredRefund {
  /** The pay-later partner has confirmed that it captured the payment, so it has something to give back. */
  readonly isCaptured: boolean;
}

export interface RefundActivityDeps {
  readonly pool: Pool;
}

/** The ledger steps of a refund. Each is one transaction that remembers its key, so asking again finds what it did. */
export function createRefundActivities({ pool }: RefundActivityDeps) {
  const wake = createWaker(pool);

  return {
    /** Gives the money back, or reserves it where a pay-later partner has to be asked, or finds what was decided. */
    async beginRefund(input: RefundInput & { requestedAt: string; askedAt: string }): Promise<BegunRefund> {
      const { askedAt, ...request } = input;
      const outcome = await ledgerCall(pool, beginRefund, {
        ...request,
        decidedAt: timeOfTry(askedAt),
        refundWindowDays: PAYMENT_POLICY.refundWindowDays,
      });
      if (outcome.view.status === 'COMPLETED') wake(outcome);
      return { ...outcome, isCaptured: await isCaptured(outcome) };
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
    async giveUpRefund(input: Omit<GiveUpRefundRequest, 'openedAt'> & { askedAt: string }): Promise<void> {
      const { askedAt, ...request } = input;
      await ledgerCall(pool, giveUpRefund, { ...request, openedAt: timeOfTry(askedAt) });
    },
  };

  async function isCaptured({ credit, view }: StoredRefund): Promise<boolean> {
    if (credit === null) return false;
    const { capture } = paymentOperationKeys(view.merchantId, view.merchantPaymentId);
    const attempts = await listIssuerAttempts(pool, credit.issuerId, capture);
    return attempts.some((it) => it.outcome === 'DONE');
  }
}
