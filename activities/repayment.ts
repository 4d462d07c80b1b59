import type { Pool } from '../db/pool.ts';
import {
  beginRepayment,
  finishRepayment,
  giveUpRepayment,
  type FinishRepaymentRequest,
  type RepaymentKey,
  type StoredRepayment,
} from '../db/repayment.ts';
import type { RepaymentInput } from '../workflows/repayment/contract.ts';
import { timeOfTry } from './clock.ts';
import { ledgerCall } from './ledger-call.ts';
import { createWaker } from './wake.ts';

export type { StoredRepayment };

export interface RepaymentActivityDeps {
  readonly pool: Pool;
}

/** The ledger steps of a repayment. Each is one transaction that remembers its key, so asking again finds what it did. */
export function createRepaymentActivities({ pool }: RepaymentActivityDeps) {
  const wake = createWaker(pool);

  return {
    /** Reserves the money, or says why not, or finds what was decided. */
    async beginRepayment(
      input: RepaymentInput & { requestedAt: string; askedAt: string },
    ): Promise<StoredRepayment> {
      const { askedAt, ...request } = input;
      return ledgerCall(pool, beginRepayment, { ...request, decidedAt: timeOfTry(askedAt) });
    },

    /** Ends a repayment that its issuer or an operator has decided, or finds its end. */
    async finishRepayment(
      input: Omit<FinishRepaymentRequest, 'decidedAt'> & { askedAt: string },
    ): Promise<StoredRepayment> {
      const { askedAt, ...request } = input;
      const outcome = await ledgerCall(pool, finishRepayment, { ...request, decidedAt: timeOfTry(askedAt) });
      wake(outcome);
      return outcome;
    },

    /** Puts a repayment whose outcome nobody could find out among the reconciliation breaks, once. */
    async giveUpRepayment(input: RepaymentKey & { detail: string; askedAt: string }): Promise<void> {
      const { askedAt, ...request } = input;
      await ledgerCall(pool, giveUpRepayment, { ...request, openedAt: timeOfTry(askedAt) });
    },
  };
}
