/** What Kessai asks of a pay-later issuer, and what the answers mean. */

export type IssuerOperation = 'AUTHORISE' | 'CAPTURE' | 'VOID' | 'REFUND' | 'REPAYMENT';

/** One operation at an issuer. The key makes it one however often it is asked; nothing here tells who the user is. */
export interface IssuerCall {
  readonly issuerId: string;
  readonly key: string;
  readonly operation: IssuerOperation;
  /** The issuer's own name for the user's credit account; AUTHORISE needs it. */
  readonly accountRef?: string;
  /** Key of the authorisation that is captured, voided or refunded. */
  readonly authorisationKey?: string;
  /** Minor units; all but VOID need it. */
  readonly amount?: number;
  /** ISO 4217; AUTHORISE and REPAYMENT need it. */
  readonly currency?: string;
  /** REPAYMENT: the issuer's own id of the debt, the wallet's id of the repayment, and when the user asked for it (RFC 3339). */
  readonly debtId?: string;
  readonly repaymentId?: string;
  readonly paidAt?: string;
}

/** What one call or one look-up has told. UNKNOWN: it may have been done or not. */
export type IssuerAnswer =
  /** `released`: what a void gave back, in minor units, where the issuer says it. */
  | { readonly kind: 'DONE'; readonly reference?: string; readonly released?: number }
  | { readonly kind: 'REFUSED'; readonly code: string }
  /** `released`: the void that makes sure of it found something after all. */
  | { readonly kind: 'NOT_FOUND'; readonly released?: number }
  | { readonly kind: 'UNKNOWN'; readonly why: string };

/** How an operation ended: by an answer that is final, or unknown to the last. */
export type IssuerOutcome = Exclude<IssuerAnswer, { kind: 'UNKNOWN' }> | { readonly kind: 'GAVE_UP' };

/** The issuer says that the request itself is wrong: it has done nothing and never will. */
export const REQUEST_REJECTED = 'REQUEST_REJECTED';

/** Keys of a payment's operations: they stay the same for ever, so each is done once. */
export function paymentOperationKeys(merchantId: string, merchantPaymentId: string) {
  const payment = `payment:${merchantId}:${merchantPaymentId}`;
  return {
    authorise: `${payment}:authorise`,
    capture: `${payment}:capture`,
    void: `${payment}:void`,
    disputeRefund: `${payment}:dispute-refund`,
  };
}

/** Key of a refund at the issuer. */
export function refundOperationKey(merchantId: string, merchantRefundId: string): string {
  return `refund:${merchantId}:${merchantRefundId}:refund`;
}

/** Key of a repayment at the issuer, and in Postgres (`repayment_key`). */
export function repaymentOperationKey(issuerId: string, debtId: string, repaymentId: string): string {
  return `repayment:${issuerId}:${debtId}:${repaymentId}`;
}

/** Takes an authorisation back, whether the issuer has it, has it later or never. The same call a payment's cancel makes. */
export function voidOf(authorisation: IssuerCall): IssuerCall {
  return {
    issuerId: authorisation.issuerId,
    key: `${authorisation.key.replace(/:authorise$/, '')}:void`,
    operation: 'VOID',
    authorisationKey: authorisation.key,
  };
}

/** By the operation itself, or by asking what became of its key. */
export type IssuerWay = 'CALL' | 'LOOK_UP';

/** What follows from an answer. */
export type IssuerStep = 'END' | 'SEND_AGAIN' | 'VOID_THEN_END' | 'ASK_LATER';

/**
 * The issuer does not know the key. An authorisation is not sent again, the customer may be gone: it is voided, so that a
 * call still on its way cannot stand, and has not happened. What must happen is sent again, under the same key.
 */
const ON_NOT_FOUND = {
  AUTHORISE: 'VOID_THEN_END',
  CAPTURE: 'SEND_AGAIN',
  VOID: 'SEND_AGAIN',
  REFUND: 'SEND_AGAIN',
  REPAYMENT: 'SEND_AGAIN',
} as const satisfies Record<IssuerOperation, IssuerStep>;

/** What to do about an answer; only a look-up can say that there is nothing under the key. */
export function nextIssuerStep(
  operation: IssuerOperation,
  way: IssuerWay,
  answer: IssuerAnswer['kind'],
): IssuerStep {
  if (answer === 'DONE' || answer === 'REFUSED') return 'END';
  return answer === 'NOT_FOUND' && way === 'LOOK_UP' ? ON_NOT_FOUND[operation] : 'ASK_LATER';
}

/** A malformed request, or a key that was used for something else. */
const REJECTED_STATUSES: readonly number[] = [400, 413, 415, 422];
/** The issuer does not believe that it is us. Nothing is done; what must happen waits until that is put right. */
const DISTRUSTED_STATUSES: readonly number[] = [401, 403];

/** Whether this HTTP status says for sure that the call was not done and that sending it again is of no use. */
export function isRejection(operation: IssuerOperation, status: number): boolean {
  if (REJECTED_STATUSES.includes(status)) return true;
  return operation === 'AUTHORISE' && DISTRUSTED_STATUSES.includes(status);
}

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** Pauses before asking again, each counted from the answer before: within a minute or so, then 5 min, 1 h, then daily for 5 days. */
export const ISSUER_RETRY: readonly number[] = [
  ...[0.5, 1, 2, 4, 8, 15, 30].map((seconds) => seconds * SECOND_MS),
  300 * SECOND_MS,
  3_600 * SECOND_MS,
  ...[DAY_MS, DAY_MS, DAY_MS, DAY_MS, DAY_MS],
];

/**
 * When to ask again, in milliseconds since 1970, or undefined: an operator has to find out.
 * @param it.asked how often has been asked in vain, at least 1
 * @param it.answeredAtMs when the last of these ended
 */
export function askAgainAtMs(
  schedule: readonly number[],
  it: { asked: number; answeredAtMs: number },
): number | undefined {
  const pauseMs = schedule[it.asked - 1];
  return pauseMs === undefined ? undefined : it.answeredAtMs + pauseMs;
}
