import { recordJournal } from '../db/journal.ts';
import {
  reconcilePayment,
  resolveDispute,
  type ReconciledPayment,
  type ResolvedDispute,
} from '../db/payment.ts';
import type { Pool } from '../db/pool.ts';
import type { JournalResult } from '../domain/journal/journal.ts';
import type { JournalInput } from '../workflows/journal/contract.ts';
import type { DisputeWord } from '../workflows/payment/contract.ts';
import { timeOfTry } from './clock.ts';
import { ledgerCall } from './ledger-call.ts';
import { createWaker } from './wake.ts';

export interface JournalActivityDeps {
  readonly pool: Pool;
}

/** Which payment a step is about. */
interface Which {
  readonly merchantId: string;
  readonly merchantPaymentId: string;
  readonly askedAt: string;
}

/** What phones' journals and operators say of offline payments. */
export function createJournalActivities({ pool }: JournalActivityDeps) {
  const wake = createWaker(pool);

  return {
    /** Records a phone's journal and reconciles the payments it speaks of. */
    async recordJournal({ askedAt, ...journal }: JournalInput & { askedAt: string }): Promise<JournalResult> {
      const result = await ledgerCall(pool, recordJournal, { ...journal, receivedAt: timeOfTry(askedAt) });
      wake({ userId: result.userId, replayed: result.told.length === 0 });
      return result;
    },

    /** How an offline payment stands in the phone's journal; UNCONFIRMED past its deadline. */
    async reconcilePayment({ askedAt, ...request }: Which): Promise<ReconciledPayment> {
      const found = await ledgerCall(pool, reconcilePayment, { ...request, at: timeOfTry(askedAt) });
      wake({ userId: found.userId, replayed: false });
      return found;
    },

    /** Carries out an operator's word on a disputed payment. */
    async resolveDispute({ askedAt, ...request }: Which & DisputeWord): Promise<ResolvedDispute> {
      const resolved = await ledgerCall(pool, resolveDispute, { ...request, at: timeOfTry(askedAt) });
      wake({ userId: resolved.userId, replayed: false });
      return resolved;
    },
  };
}
