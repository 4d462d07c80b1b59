import { ApplicationFailure } from '@temporalio/activity';
import { recordJournal } from '../db/journal.ts';
import {
  cancelPayment,
  decideCredit,
  reconcilePayment,
  recordUnknownOutcome,
  resolveDispute,
  settlePayment,
  type CancelResult,
  type ReconciledPayment,
  type ResolvedDispute,
  type StoredOutcome,
} from '../db/payment.ts';
import type { Pool } from '../db/pool.ts';
import { sqlState } from '../db/tx.ts';
import { wakeUserStreams } from '../db/user-event.ts';
import { ONLINE_CODE_TTL_MS } from '../domain/code/format.ts';
import { OFFLINE_POLICY } from '../domain/code/offline-policy.ts';
import type { Journal, JournalResult } from '../domain/journal/journal.ts';
import { PAYMENT_POLICY } from '../domain/payment/payment.ts';
import type { PaymentCancelInput } from '../workflows/payment-cancel/contract.ts';
import type { DisputeWord, PaymentInput } from '../workflows/payment/contract.ts';
import { timeOfTry } from './clock.ts';
import { createOfflineMatcher, type OfflineMatchDeps } from './offline-match.ts';

export type { CancelResult, ReconciledPayment, ResolvedDispute, StoredOutcome };

const WAKE_AFTER_MS = 20;

export interface PaymentActivityDeps extends OfflineMatchDeps {
  /** Hears of each decision as soon as it is committed, and of each try that gave none (undefined). */
  readonly tellDecision?: (input: PaymentInput, outcome: StoredOutcome | undefined) => void;
}

const { freshnessMs, journalDeadlineMs, limits, throttle } = OFFLINE_POLICY;
/** What the ledger judges offline codes by. */
export const OFFLINE_RULES = {
  freshnessMs,
  journalDeadlineMs,
  decideWithinMs: ONLINE_CODE_TTL_MS,
  maxAmount: limits.maxAmount,
  maxPer24h: limits.maxPer24h,
  maxPer30d: limits.maxPer30d,
  ...throttle,
};

/** Which payment an activity is about. */
interface Which {
  readonly merchantId: string;
  readonly merchantPaymentId: string;
  readonly askedAt: string;
}

/**
 * The ledger steps of a payment. Each is one transaction that remembers its key, so a retry after a commit that nobody
 * heard of finds the stored decision.
 */
export function createPaymentActivities(deps: PaymentActivityDeps) {
  const { pool, tellDecision } = deps;
  const matchStep = createOfflineMatcher(deps);
  const toWake = new Set<string>();

  /** Wakes the payer's streams a moment later, many in one go: the till's answer is on its way meanwhile. */
  function wake(userId: string | null): void {
    if (userId === null) return;
    if (toWake.size === 0) setTimeout(wakeAll, WAKE_AFTER_MS).unref();
    toWake.add(userId);
  }

  function wakeOf(outcome: StoredOutcome): void {
    if (!outcome.replayed) wake(outcome.userId);
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

  /** An offline code is judged by the time at which it was presented, however late the answer. */
  async function offlineFacts(input: PaymentInput & { requestedAt: string }) {
    if (input.offlineHandle === undefined) return {};
    const offlineStep = await matchStep(input.offlineHandle, input.codeDigest, Date.parse(input.requestedAt));
    return { offlineStep, offlinePolicy: OFFLINE_RULES };
  }

  async function settle(
    input: PaymentInput & { requestedAt: string; askedAt: string },
  ): Promise<StoredOutcome> {
    const { askedAt, ...request } = input;
    return known(settlePayment, {
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
        tellDecision?.(input, outcome);
      }
      wakeOf(outcome);
      return outcome;
    },

    /** Decides a payment on credit by what its issuer said, or finds that it is decided. */
    async decideCredit(input: Which & { authorised: boolean }): Promise<StoredOutcome> {
      const { askedAt, ...request } = input;
      const outcome = await known(decideCredit, {
        ...request,
        decidedAt: timeOfTry(askedAt),
        cancelUntilMinutesOfNextDay: PAYMENT_POLICY.cancelUntilMinutesOfNextDay,
      });
      wakeOf(outcome);
      return outcome;
    },

    /** Leaves what the issuer does not say to a person: a reconciliation break, once. */
    async recordUnknownOutcome(input: {
      paymentId: string;
      reference: string;
      detail: string;
      at: string;
    }): Promise<void> {
      await known(recordUnknownOutcome, input);
    },

    /** Records a phone's journal and reconciles the payments it speaks of. */
    async recordJournal(input: Omit<Journal, 'receivedAt'> & { askedAt: string }): Promise<JournalResult> {
      const { askedAt, ...journal } = input;
      const result = await known(recordJournal, { ...journal, receivedAt: timeOfTry(askedAt) });
      if (result.told.length > 0) wake(result.userId);
      return result;
    },

    /** How an offline payment stands in the phone's journal; UNCONFIRMED past its deadline. */
    async reconcilePayment({ askedAt, ...request }: Which): Promise<ReconciledPayment> {
      const found = await known(reconcilePayment, { ...request, at: timeOfTry(askedAt) });
      wake(found.userId);
      return found;
    },

    /** Carries out an operator's word on a disputed payment. */
    async resolveDispute({ askedAt, ...request }: Which & DisputeWord): Promise<ResolvedDispute> {
      const resolved = await known(resolveDispute, { ...request, at: timeOfTry(askedAt) });
      wake(resolved.userId);
      return resolved;
    },

    /** Cancels a payment in full, or finds that it was. */
    async cancelPayment(input: PaymentCancelInput & { askedAt: string }): Promise<CancelResult> {
      const { askedAt, ...request } = input;
      const result = await known(cancelPayment, {
        ...request,
        decidedAt: timeOfTry(askedAt),
        policyVersion: PAYMENT_POLICY.version,
      });
      if (result.kind === 'done') wakeOf(result.outcome);
      return result;
    },
  };
}
