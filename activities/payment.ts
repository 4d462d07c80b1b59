import { log } from '@temporalio/activity';
import {
  cancelPayment,
  decideCredit,
  recordIssuerBreak,
  settlePayment,
  type CancelResult,
  type CreditDecision,
  type IssuerBreak,
  type StoredOutcome,
} from '../db/payment.ts';
import { ONLINE_CODE_TTL_MS } from '../domain/code/format.ts';
import { OFFLINE_POLICY } from '../domain/code/offline-policy.ts';
import { PAYMENT_POLICY } from '../domain/payment/payment.ts';
import type { PaymentCancelInput } from '../workflows/payment-cancel/contract.ts';
import { paymentWorkflowId, type PaymentInput } from '../workflows/payment/contract.ts';
import { timeOfTry } from './clock.ts';
import type { DecisionDeps } from './decision.ts';
import { ledgerCall } from './ledger-call.ts';
import { createOfflineMatcher, type OfflineMatchDeps } from './offline-match.ts';
import { createWaker } from './wake.ts';

export type { CancelResult, StoredOutcome };

export type PaymentActivityDeps = OfflineMatchDeps & DecisionDeps;

const { freshnessMs, journalDeadlineMs, limits, throttle } = OFFLINE_POLICY;
/** What the ledger judges offline codes by. */
export const OFFLINE_RULES = {
  freshnessMs,
  journalDeadlineMs,
  decideWithinMs: ONLINE_CODE_TTL_MS,
  maxAmount: limits.maxAmount,
  currency: limits.currency,
  maxPer24h: limits.maxPer24h,
  maxPer30d: limits.maxPer30d,
  ...throttle,
};

/**
 * The ledger steps of a payment. Each is one transaction that remembers its key, so a retry after a commit that nobody
 * heard of finds the stored decision.
 */
export function createPaymentActivities(deps: PaymentActivityDeps) {
  const { pool, tellDecision } = deps;
  const matchStep = createOfflineMatcher(deps);
  const wake = createWaker(pool);

  /** An offline code is judged by the time at which it was presented, however late the answer. */
  async function offlineFacts(input: PaymentInput & { requestedAt: string }) {
    if (input.offlineHandle === undefined) return {};
    const found = await matchStep(input.offlineHandle, input.codeDigest, Date.parse(input.requestedAt));
    if (found !== 'UNREADABLE') return { offlineStep: found, offlinePolicy: OFFLINE_RULES };
    log.error(
      'an offline key opens with none of the data keys: KESSAI_DATA_KEY is not the one that sealed it',
      {
        handle: input.offlineHandle,
      },
    );
    return { offlinePolicy: { ...OFFLINE_RULES, keyIsUnreadable: true } };
  }

  async function settle(
    input: PaymentInput & { requestedAt: string; askedAt: string },
  ): Promise<StoredOutcome> {
    const { askedAt, ...request } = input;
    return ledgerCall(pool, settlePayment, {
      ...request,
      ...(await offlineFacts(input)),
      decidedAt: timeOfTry(askedAt),
      policyVersion: PAYMENT_POLICY.version,
      similarWindowMs: PAYMENT_POLICY.similarWindowMs,
      cancelUntilMinutesOfNextDay: PAYMENT_POLICY.cancelUntilMinutesOfNextDay,
    });
  }

  return {
    /** Decides a payment, or finds its decision. */
    async settlePayment(
      input: PaymentInput & { requestedAt: string; askedAt: string },
    ): Promise<StoredOutcome> {
      let outcome: StoredOutcome | undefined;
      try {
        outcome = await settle(input);
      } finally {
        const isDecided = outcome !== undefined && outcome.view.status !== 'IN_PROGRESS';
        tellDecision?.(
          {
            workflowId: paymentWorkflowId(input.merchantId, input.merchantPaymentId),
            attemptId: input.attemptId,
          },
          isDecided ? outcome : undefined,
        );
      }
      wake(outcome);
      return outcome;
    },

    /** Decides a payment on credit by what its issuer said, or finds that it is decided. */
    async decideCredit(
      input: Omit<CreditDecision, 'decidedAt' | 'cancelUntilMinutesOfNextDay'> & { askedAt: string },
    ): Promise<StoredOutcome> {
      const { askedAt, ...request } = input;
      const outcome = await ledgerCall(pool, decideCredit, {
        ...request,
        decidedAt: timeOfTry(askedAt),
        cancelUntilMinutesOfNextDay: PAYMENT_POLICY.cancelUntilMinutesOfNextDay,
      });
      wake(outcome);
      return outcome;
    },

    /** Leaves what the issuer does not say, or said too late, to a person: a reconciliation break, once. */
    async recordIssuerBreak(input: IssuerBreak): Promise<void> {
      await ledgerCall(pool, recordIssuerBreak, input);
    },

    /** Cancels a payment in full, or finds that it was. */
    async cancelPayment(input: PaymentCancelInput & { askedAt: string }): Promise<CancelResult> {
      const { askedAt, ...request } = input;
      const result = await ledgerCall(pool, cancelPayment, {
        ...request,
        decidedAt: timeOfTry(askedAt),
        policyVersion: PAYMENT_POLICY.version,
      });
      if (result.kind === 'done') wake(result.outcome);
      return result;
    },
  };
}
