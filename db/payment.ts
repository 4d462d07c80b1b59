import type { PaymentOrder, PaymentView } from '../domain/payment/payment.ts';
import { firstRow, oneRow, rows, type Db } from './pool.ts';

/** Rules of an offline code's decision, as `payment_settle` takes them (domain/code/offline-policy.ts). */
export interface OfflineRules {
  readonly freshnessMs: number;
  readonly decideWithinMs: number;
  readonly journalDeadlineMs: number;
  readonly maxAmount: number;
  /** Of `maxAmount`: payments of another currency are beyond it. */
  readonly currency: string;
  readonly maxPer24h: number;
  readonly maxPer30d: number;
  readonly maxFailures: number;
  readonly windowMs: number;
  readonly blockMs: number;
  /** The key opens with no data key at hand: no password can be judged. */
  readonly keyIsUnreadable?: boolean;
}

/** What `payment_settle` needs to decide. Times are RFC 3339 in UTC, amounts minor units. */
export interface SettleRequest extends PaymentOrder {
  /** The step whose password the code carries, if one of the acceptable steps has it; offline codes only. */
  readonly offlineStep?: number | undefined;
  readonly offlinePolicy?: OfflineRules | undefined;
  readonly requestedAt: string;
  readonly decidedAt: string;
  readonly policyVersion: string;
  readonly similarWindowMs: number;
  readonly cancelUntilMinutesOfNextDay: number;
}

/** A stored decision and what its callers need around it. */
export interface StoredOutcome {
  readonly view: PaymentView;
  /** Null for a tombstone: it was canceled before anybody asked for it. */
  readonly requestHash: string | null;
  readonly attemptId: string | null;
  readonly userId: string | null;
  /** True if this call found the decision instead of making it. */
  readonly replayed: boolean;
  /** Who is to pay, for a payment on credit. The reference is the issuer's own and names nobody. */
  readonly credit: { readonly issuerId: string; readonly accountRef: string } | null;
  /** Until when an offline payment waits for the phone's journal. */
  readonly reconcileUntil: string | null;
  /** The phone's journal was there before the decision of an offline payment. */
  readonly journalCame?: boolean;
  /** The merchant's event of that state, if there is one that has not been delivered. */
  readonly webhookEventId: string | null;
}

/** Decides a payment, or finds its decision, in one round trip and one transaction. */
export async function settlePayment(db: Db, request: SettleRequest): Promise<StoredOutcome> {
  const statement = { name: 'payment_settle', text: 'select payment_settle($1::jsonb) as outcome' };
  return (await oneRow<{ outcome: StoredOutcome }>(db, statement, [JSON.stringify(request)])).outcome;
}

export interface CancelRequest {
  /** Id for the tombstone, used only if the payment has never been seen. */
  readonly paymentId: string;
  readonly merchantId: string;
  readonly merchantPaymentId: string;
  readonly reason?: string | undefined;
  readonly decidedAt: string;
  readonly policyVersion: string;
}

export type CancelResult =
  | { readonly kind: 'done'; readonly outcome: StoredOutcome }
  /** Nobody knows yet what became of the payment at its issuer; it is canceled when that is known. */
  | { readonly kind: 'pending'; readonly outcome: StoredOutcome }
  | {
      readonly kind: 'refused';
      readonly detail: string;
      readonly view: PaymentView;
      /** A refund that is on its way bars it: another try may find that it has failed. */
      readonly isForNow?: boolean;
    };

/** Cancels a payment in full, whatever its state, in one round trip and one transaction. */
export async function cancelPayment(db: Db, request: CancelRequest): Promise<CancelResult> {
  const statement = { name: 'payment_cancel', text: 'select payment_cancel($1::jsonb) as result' };
  return (await oneRow<{ result: CancelResult }>(db, statement, [JSON.stringify(request)])).result;
}

export interface CreditDecision {
  readonly merchantId: string;
  readonly merchantPaymentId: string;
  readonly authorised: boolean;
  /** Who found out, if the issuer did not say; kept in the break that this ends. */
  readonly operator?: string | undefined;
  readonly reason?: string | undefined;
  readonly decidedAt: string;
  readonly cancelUntilMinutesOfNextDay: number;
}

/** Decides a payment that waits for its issuer, or finds that it is decided, in one round trip and one transaction. */
export async function decideCredit(db: Db, request: CreditDecision): Promise<StoredOutcome> {
  const statement = {
    name: 'payment_credit_decide',
    text: 'select payment_credit_decide($1::jsonb) as outcome',
  };
  return (await oneRow<{ outcome: StoredOutcome }>(db, statement, [JSON.stringify(request)])).outcome;
}

/** What a person has to know of a payment at its issuer. `reference` is the operation's key there. */
export interface IssuerBreak {
  readonly paymentId: string;
  /** Nobody knows what became of it; or it became known too late and was taken back. */
  readonly class: 'unknown_outcome' | 'late';
  readonly reference: string;
  readonly detail: string;
  readonly at: string;
}

/** Records a reconciliation break with an issuer, once. */
export async function recordIssuerBreak(db: Db, it: IssuerBreak): Promise<void> {
  const statement = { name: 'payment_break', text: `select payment_break($1, $2, 'ISSUER', $3, $4, $5)` };
  await rows(db, statement, [it.paymentId, it.class, it.reference, it.detail, it.at]);
}

/** How an offline payment stands in the phone's journal. */
export interface ReconciledPayment {
  readonly view: PaymentView;
  readonly userId: string;
  readonly dispute: { readonly entryCameAt?: string } | null;
  /** Minor units that a dispute gave back; histories from before it was told have neither. */
  readonly refunded?: number;
  readonly credit?: StoredOutcome['credit'];
}

/** Looks how an offline payment stands; past its deadline one that no journal names becomes UNCONFIRMED. */
export async function reconcilePayment(
  db: Db,
  request: { merchantId: string; merchantPaymentId: string; at: string },
): Promise<ReconciledPayment> {
  const statement = { name: 'payment_reconcile', text: 'select payment_reconcile($1::jsonb) as result' };
  return (await oneRow<{ result: ReconciledPayment }>(db, statement, [JSON.stringify(request)])).result;
}

export interface DisputeResolution {
  readonly merchantId: string;
  readonly merchantPaymentId: string;
  readonly operator: string;
  readonly action: 'ACCEPT' | 'REFUND';
  readonly reason: string;
  readonly at: string;
}

export type ResolvedDispute = Required<ReconciledPayment>;

/** Carries out a person's word on a disputed payment, once. */
export async function resolveDispute(db: Db, request: DisputeResolution): Promise<ResolvedDispute> {
  const statement = {
    name: 'payment_dispute_resolve',
    text: 'select payment_dispute_resolve($1::jsonb) as result',
  };
  return (await oneRow<{ result: ResolvedDispute }>(db, statement, [JSON.stringify(request)])).result;
}

/**
 * Disputed payments that need a workflow, in order of their ids: those that wait for an operator, and those whose refund the issuer is
 * not known to have done while no person was told so.
 */
export async function disputesInNeed(
  db: Db,
  it: { merchantId?: string | undefined; after: string; limit: number },
): Promise<PaymentOrder[]> {
  const statement = {
    name: 'payment_disputes_in_need',
    text: `
      select payment_order(p) as "order" from payment p
       where p.payment_id in (
               select payment_id from payment where reconciliation = 'DISPUTED'
               union all
               select q.payment_id
                 from refund r join payment q using (payment_id),
                      lateral (select 'payment:' || q.merchant_id || ':' || q.merchant_payment_id || ':dispute-refund' as key) k
                where r.kind = 'DISPUTE' and q.issuer_id is not null
                  and not exists (select 1 from issuer_attempt a where a.operation_key = k.key and a.outcome = 'DONE')
                  and not exists (select 1 from reconciliation_break b
                                   where b.payment_id = q.payment_id and b.counterpart = 'ISSUER'
                                     and b.class = 'unknown_outcome' and b.reference = k.key))
         and p.payment_id > $1 and ($2::text is null or p.merchant_id = $2) and p.reconcile_until is not null
       order by p.payment_id limit $3`,
  };
  const found = await rows<{ order: PaymentOrder }>(db, statement, [
    it.after,
    it.merchantId ?? null,
    it.limit,
  ]);
  return found.map((row) => row.order);
}

/** The decision of a merchant's payment, as a repeat of its request hears it; none for a tombstone. */
export async function findDecision(
  db: Db,
  merchantId: string,
  merchantPaymentId: string,
): Promise<StoredOutcome | undefined> {
  const statement = {
    name: 'payment_decision',
    text: `select payment_outcome(payment_as_decided(p), true) as outcome from payment p
            where merchant_id = $1 and merchant_payment_id = $2 and request_hash is not null`,
  };
  const row = await firstRow<{ outcome: StoredOutcome }>(db, statement, [merchantId, merchantPaymentId]);
  return row?.outcome;
}

/** A merchant's own payment as it is now. */
export async function findPayment(
  db: Db,
  merchantId: string,
  merchantPaymentId: string,
): Promise<StoredOutcome | undefined> {
  const statement = {
    name: 'payment_find',
    text: `select payment_outcome(p, true) as outcome from payment p where merchant_id = $1 and merchant_payment_id = $2`,
  };
  const row = await firstRow<{ outcome: StoredOutcome }>(db, statement, [merchantId, merchantPaymentId]);
  return row?.outcome;
}

/** Where a page of a payer's history goes on; `at` keeps Postgres' microseconds. */
export interface PaymentCursor {
  readonly at: string;
  readonly paymentId: string;
}

/** An open debt that is named after a payment, to its payer alone. */
export interface DebtNotice {
  readonly debtId: string;
  readonly amount: number;
  readonly currency: string;
  readonly dueOn: string;
  readonly link: string;
}

/** A payment in its payer's history; one of the last hour names the debt that is open now. */
export type HistoryPayment = PaymentView & {
  readonly merchantName: string;
  readonly debtNotice?: DebtNotice;
};

/** A payer's payments, newest first. */
export async function listPaymentsOfUser(
  db: Db,
  userId: string,
  limit: number,
  after: PaymentCursor | undefined,
): Promise<{ items: HistoryPayment[]; next: PaymentCursor | undefined }> {
  const statement = {
    name: 'payment_list_of_user',
    text: `select case when p.decided_at > now() - interval '1 hour' then payment_view_for_payer(p, p.decided_at) else payment_view(p) end as view,
                  m.name as "merchantName", cursor_time(p.requested_at) as at
             from payment p join merchant m using (merchant_id)
            where p.payer_id = $1 and ($3::timestamptz is null or (p.requested_at, p.payment_id) < ($3, $4))
            order by p.requested_at desc, p.payment_id desc limit $2`,
  };
  const found = await rows<{ view: PaymentView; merchantName: string; at: string }>(db, statement, [
    userId,
    limit + 1,
    after?.at ?? null,
    after?.paymentId ?? null,
  ]);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const next =
    found.length > limit && last !== undefined ? { at: last.at, paymentId: last.view.paymentId } : undefined;
  return { items: page.map((row) => ({ ...row.view, merchantName: row.merchantName })), next };
}
