import type { CodeMode } from '../code/format.ts';

/** States of a payment as the API shows them (HTTP contract, Payments). */
export const PAYMENT_STATUSES = ['IN_PROGRESS', 'COMPLETED', 'DECLINED', 'CANCELED', 'REFUNDED'] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

/** Why a payment was declined. The list is fixed by the contract; a till shows one text per code. */
export const DECLINE_CODES = [
  'CODE_INVALID',
  'CODE_EXPIRED',
  'CODE_ALREADY_USED',
  'OFFLINE_KEY_STALE',
  'OFFLINE_LIMIT_AMOUNT',
  'OFFLINE_LIMIT_COUNT',
  'INSUFFICIENT_FUNDS',
  'CREDIT_DECLINED',
  'DELEGATE_RULE_REFUSED',
  'SIMILAR_PAYMENT',
  'CANCELED',
  'TOO_MANY_ATTEMPTS',
  'ACCOUNT_SUSPENDED',
] as const;
export type DeclineCode = (typeof DECLINE_CODES)[number];

export const FUNDING_SOURCES = ['BALANCE', 'PAY_LATER'] as const;
export type FundingSource = (typeof FUNDING_SOURCES)[number];

/** How a payer was known: by a code that a till read, or by the phone itself, which asked for the payment. */
export type PaymentMode = CodeMode | 'APP';

/** Whether the phone's journal has confirmed an offline payment (HTTP contract, Payments). */
export const RECONCILIATIONS = ['PENDING', 'MATCHED', 'UNCONFIRMED', 'DISPUTED', 'RESOLVED'] as const;
export type Reconciliation = (typeof RECONCILIATIONS)[number];

/** One line of a till's basket. Amounts are minor units and may be zero or negative (coupons, deposits returned). */
export interface PaymentItem {
  readonly lineNo: number;
  readonly gtin?: string | undefined;
  readonly name: string;
  readonly category?: string | undefined;
  readonly quantity: number;
  readonly unitAmount: number;
  readonly amount: number;
  readonly ingredients?: string | undefined;
}

/** What a till asks for, as the edge has checked it. The code itself goes no further than that: only its keyed digest. */
export interface PaymentOrder {
  readonly paymentId: string;
  readonly merchantId: string;
  readonly merchantPaymentId: string;
  readonly storeId: string;
  readonly terminalId: string;
  readonly receiptNumber?: string | undefined;
  readonly amount: number;
  readonly currency: string;
  readonly items?: readonly PaymentItem[] | undefined;
  readonly acceptSimilar: boolean;
  readonly codeMode: CodeMode;
  /** The key handle in an offline code; it is random and names nobody. */
  readonly offlineHandle?: string | undefined;
  /** Hexadecimal HMAC-SHA-256 of the code. */
  readonly codeDigest: string;
  /** The same under former peppers, for an online code that was issued under one of them; only where there are any. */
  readonly olderCodeDigests?: readonly string[] | undefined;
  /** Digest of the whole request body: the same id with another body is refused by comparing it. */
  readonly requestHash: string;
  /** The HTTP request that asked first, so that a repeat is told from it. */
  readonly attemptId: string;
}

/** A payment as merchants, devices and webhooks see it; Postgres' `payment_view` makes it, nothing else does. */
export interface PaymentView {
  readonly paymentId: string;
  readonly merchantPaymentId: string;
  readonly merchantId: string;
  readonly storeId?: string;
  readonly terminalId?: string;
  readonly receiptNumber?: string;
  readonly status: PaymentStatus;
  readonly declineCode?: DeclineCode;
  readonly amount: number;
  readonly currency: string;
  readonly refundedAmount: number;
  readonly codeMode?: PaymentMode;
  readonly fundingSource?: FundingSource;
  readonly reconciliation?: Reconciliation;
  readonly requestedAt: string;
  readonly decidedAt?: string;
  readonly canceledAt?: string;
}

/** Rules of a decision that are data, not code. Kept with the payment by `version`. */
export interface PaymentPolicy {
  readonly version: string;
  /** Same store, payer and amount within this time is SIMILAR_PAYMENT unless the till accepts it. */
  readonly similarWindowMs: number;
  /** A cancel is possible until this local time of the day after the payment, in minutes after midnight. */
  readonly cancelUntilMinutesOfNextDay: number;
  /** A refund is possible for so many days after the decision. */
  readonly refundWindowDays: number;
}

export const PAYMENT_POLICY: PaymentPolicy = {
  version: '2026-11',
  similarWindowMs: 3 * 60_000,
  cancelUntilMinutesOfNextDay: 15,
  refundWindowDays: 365,
};
