import type { PaymentOrder, PaymentView, Reconciliation } from '../payment/payment.ts';

/** One code that a phone says it has shown. */
export interface JournalEntry {
  readonly entryId: string;
  /** Whether everything else of the entry can be believed. */
  readonly isValid: boolean;
  /** Hexadecimal digest of the code; null if it is no offline code of ours. */
  readonly codeDigest: string | null;
  /** The same under former peppers: the payment may have been taken under one of them; only where there are any. */
  readonly olderCodeDigests?: readonly string[] | undefined;
  readonly offlineHandle: string | null;
  readonly displayedAt: string | null;
  readonly clockOffsetMs: number;
  /** Until when a till could still send the code. */
  readonly usableUntil: string | null;
}

/** A phone's journal as the edge has checked it. Times are RFC 3339 in UTC, by the server's clock. */
export interface Journal {
  readonly journalId: string;
  readonly deviceId: string;
  readonly userId: string;
  readonly coversFrom: string;
  readonly coversTo: string;
  readonly receivedAt: string;
  readonly entries: readonly JournalEntry[];
}

export type EntryOutcome = 'MATCHED' | 'NOT_USED' | 'PENDING' | 'INVALID';

export interface JournalResult {
  readonly results: readonly {
    readonly entryId: string;
    readonly outcome: EntryOutcome;
    readonly payment?: PaymentView;
  }[];
  /** Payments whose workflows are to hear of it. */
  readonly told: readonly {
    readonly merchantId: string;
    readonly merchantPaymentId: string;
    readonly reconciliation: Reconciliation;
    /** A disputed payment's entry has come after all. */
    readonly entryCameAt?: string;
    /** Disputed by a journal of before: its workflow has heard of it, and is started again where it is gone. */
    readonly isStanding?: boolean;
    /** Of a disputed payment: what starts its workflow again, if that is over. */
    readonly order?: PaymentOrder;
  }[];
  readonly userId: string;
}
