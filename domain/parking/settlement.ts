import type { FundingSource } from '../payment/payment.ts';

/** States of a settlement as the API shows them (HTTP contract, Parking). */
export const SETTLEMENT_STATES = [
  'PAYING',
  'PAID',
  'RELEASE_REQUESTED',
  'AWAITING_OPERATOR',
  'RELEASED',
  'EXITED',
  'OVERSTAYED',
  'REFUNDED',
  'DECLINED',
] as const;
export type SettlementState = (typeof SETTLEMENT_STATES)[number];

/** What an operator says of a stay that has been paid for. */
export const RELEASE_OUTCOMES = ['RELEASED', 'NOT_RELEASED', 'ALREADY_SETTLED'] as const;
export type ReleaseOutcome = (typeof RELEASE_OUTCOMES)[number];

/** Why a driver gets the money back. */
export type SettlementRefundReason = Exclude<ReleaseOutcome, 'RELEASED'> | 'CANCELED';

/** So long after it was paid a settlement without an answer of the operator waits for a person. */
export const AWAIT_OPERATOR_AFTER_MS = 60_000;

/** So long after paying a driver can say that it was the wrong space. */
export const SETTLEMENT_CANCEL_WINDOW_MS = 3 * 60_000;

/** What a driver's phone asks for, as the edge has checked it. */
export interface SettlementOrder {
  /** Kessai's own id: the operator's, and that of the payment at the operator as a merchant. */
  readonly settlementRef: string;
  readonly paymentId: string;
  /** The phone's id. */
  readonly settlementId: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly quoteId: string;
  readonly fundingSource: FundingSource;
  /** Four digits for driver and operator, so that they know they speak of the same car. They open nothing. */
  readonly releaseCode: string;
  /** Digest of the body: the same id with another body is refused by comparing it. */
  readonly requestHash: string;
  /** The HTTP request that asked first, so that a repeat is told from it. */
  readonly attemptId: string;
}

/** A settlement as drivers and operators see it; Postgres' `parking_settlement_view` makes it. */
export interface SettlementView {
  readonly settlementId: string;
  readonly reference: string;
  readonly state: SettlementState;
  readonly declineCode?: string;
  readonly operatorId: string;
  readonly operatorName: string;
  readonly placeId: string;
  readonly placeName: string;
  readonly space?: string;
  readonly quoteId: string;
  readonly sessionId: string;
  readonly startedAt: string;
  /** The driver said when the stay began; the operator checks it. */
  readonly saidByDriver?: true;
  readonly amount: number;
  readonly currency: string;
  readonly fundingSource: FundingSource;
  readonly releaseCode: string;
  readonly requestedAt: string;
  readonly paidAt?: string;
  readonly exitBy: string;
  readonly releasedAt?: string;
  readonly releasedBy?: 'SERVER' | 'OPERATOR';
  readonly exitedAt?: string;
  readonly cancelRequestedAt?: string;
  readonly refund?: {
    readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
    readonly reason: SettlementRefundReason;
    readonly at?: string;
  };
  readonly receipt?: {
    readonly invoiceNumber?: string;
    readonly operatorName: string;
    readonly placeName: string;
    readonly space?: string;
    readonly amount: number;
    readonly currency: string;
    readonly taxRatePercent: number;
    readonly taxAmount: number;
    readonly issuedAt: string;
  };
  readonly acknowledgements: {
    readonly device: { readonly at: string } | null;
    readonly operator: { readonly at: string; readonly outcome: ReleaseOutcome } | null;
  };
}

/** The merchant that an operator is paid as. Callers' ids have no colon, so it is nobody's else. */
export function parkingMerchantId(operatorId: string): string {
  return `parking:${operatorId}`;
}

/** The merchant's id of the one refund that a settlement can have. */
export function parkingRefundId(settlementRef: string): string {
  return `parking-${settlementRef}`;
}
