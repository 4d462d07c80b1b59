/** States of a repayment from the wallet as the API shows them. */
export const REPAYMENT_STATUSES = ['IN_PROGRESS', 'COMPLETED', 'FAILED'] as const;
export type RepaymentStatus = (typeof REPAYMENT_STATUSES)[number];

/**
 * Why a repayment failed; the API answers with the same code. The last two end one that was on its way to the issuer and give its money
 * free; the others are decided under the debt's lock, before anything was reserved.
 */
export const REPAYMENT_FAIL_CODES = [
  'CONFLICT_STATE',
  'ACCOUNT_SUSPENDED',
  'REPAYMENT_NOT_OFFERED',
  'REPAYMENT_ID_TAKEN',
  'REPAYMENT_EXCEEDS_REMAINING',
  'CURRENCY_NOT_HELD',
  'INSUFFICIENT_FUNDS',
  'REPAYMENT_REFUSED_BY_ISSUER',
  'REPAYMENT_GIVEN_UP',
] as const;
export type RepaymentFailCode = (typeof REPAYMENT_FAIL_CODES)[number];

/** What a user asks for, as the edge has checked it. */
export interface RepaymentOrder {
  readonly issuerId: string;
  readonly debtId: string;
  /** The device's own id: one for good, with the debt and the user. */
  readonly repaymentId: string;
  readonly userId: string;
  /** Minor units of the debt's currency; all that is left if unset. */
  readonly amount?: number | undefined;
  /** Digest of the body: the same id with another one is refused by comparing it. */
  readonly requestHash: string;
  /** The HTTP request that asked first, so that a repeat is told from it. */
  readonly attemptId: string;
}

/** A repayment as devices see it; Postgres' `repayment_view` makes it. */
export interface RepaymentView {
  readonly repaymentId: string;
  readonly debtId: string;
  readonly status: RepaymentStatus;
  readonly failCode?: RepaymentFailCode;
  readonly amount: number;
  readonly currency: string;
  readonly requestedAt: string;
  readonly decidedAt?: string;
}

const LOOK_AGAIN_MS = 7 * 86_400_000;

/**
 * Until when a repayment that is on its way to the issuer holds reminders off: its end wakes the campaign, so this is only when
 * to look again by ourselves. Weeks counted from its beginning, so that asking twice gives the same moment.
 */
export function repayingUntilMs(sinceMs: number, nowMs: number): number {
  return sinceMs + (Math.floor(Math.max(0, nowMs - sinceMs) / LOOK_AGAIN_MS) + 1) * LOOK_AGAIN_MS;
}
