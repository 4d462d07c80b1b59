import { ApplicationFailure } from '@temporalio/activity';
import { cancelPayment, settlePayment, type CancelResult, type StoredOutcome } from '../db/payment.ts';
import type { Pool } from '../db/pool.ts';
import { sqlState } from '../db/tx.ts';
import { wakeUserStreams } from '../db/user-event.ts';
import { PAYMENT_POLICY } from '../domain/payment/payment.ts';
import type { PaymentCancelInput } from '../workflows/payment-cancel/contract.ts';
import type { PaymentInput } from '../workflows/payment/contract.ts';
import { timeOfTry } from './clock.ts';

export type { CancelResult, StoredOutcome };

const WAKE_AFTER_MS = 20;

export interface PaymentActivityDeps {
  readonly pool: Pool;
}

/**
 * The ledger steps of a payment. Each is one transaction that remembers its key, so a retry after a commit that nobody
 * heard of finds the stored decision.
 */
export function createPaymentActivities({ pool }: PaymentActivityDeps) {
  const toWake = new Set<string>();

  /** Wakes the payer's streams a moment later, many in one go: the till's answer is on its way meanwhile. */
  function wake(outcome: StoredOutcome): void {
    if (outcome.userId === null || outcome.replayed) return;
    if (toWake.size === 0) setTimeout(wakeAll, WAKE_AFTER_MS).unref();
    toWake.add(outcome.userId);
  }

  /** A wake-up that is lost, as when this process dies now, is made good by the stream itself. */
  function wakeAll(): void {
    const userIds = [...toWake];
    toWake.clear();
    wakeUserStreams(pool, userIds).catch(() => undefined);
  }

  /** A refusal by the database is known to have changed nothing, and asking again would hear it again. */
  async function known<Request, Result>(
    step: (db: Pool, request: Request) => Promise<Result>,
    request: Request,
  ): Promise<Result> {
    try {
      return await step(pool, request);
    } catch (error) {
      if (!/^(22|23|P0)/.test(sqlState(error) ?? '')) throw error;
      const message = error instanceof Error ? error.message : 'refused';
      throw ApplicationFailure.create({ type: 'LedgerRefused', nonRetryable: true, message });
    }
  }

  return {
    /** Decides a payment, or finds its decision. */
    async settlePayment(
      input: PaymentInput & { requestedAt: string; askedAt: string },
    ): Promise<StoredOutcome> {
      const { askedAt, ...request } = input;
      const outcome = await known(settlePayment, {
        ...request,
        decidedAt: timeOfTry(askedAt),
        policyVersion: PAYMENT_POLICY.version,
        similarWindowMs: PAYMENT_POLICY.similarWindowMs,
        cancelUntilMinutesOfNextDay: PAYMENT_POLICY.cancelUntilMinutesOfNextDay,
      });
      wake(outcome);
      return outcome;
    },

    /** Cancels a payment in full, or finds that it was. */
    async cancelPayment(input: PaymentCancelInput & { askedAt: string }): Promise<CancelResult> {
      const { askedAt, ...request } = input;
      const result = await known(cancelPayment, {
        ...request,
        decidedAt: timeOfTry(askedAt),
        policyVersion: PAYMENT_POLICY.version,
      });
      if (result.kind === 'done') wake(result.outcome);
      return result;
    },
  };
}
