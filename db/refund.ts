import type { Contradiction } from '../domain/credit/operator-word.ts';
import type { RefundFailCode, RefundOrder, RefundView } from '../domain/refund/refund.ts';
import { firstRow, oneRow, rows, type Db } from './pool.ts';

/** What `refund_begin` needs to decide. Times are RFC 3339 in UTC, amounts minor units. */
export interface BeginRefundRequest extends RefundOrder {
  readonly requestedAt: string;
  readonly decidedAt: string;
  readonly refundWindowDays: number;
}

/** A stored refund and what its callers need around it. */
export interface StoredRefund {
  readonly view: RefundView;
  readonly requestHash: string;
  readonly attemptId: string;
  readonly userId: string | null;
  /** The pay-later partner that has to be asked, and what it paid for the payment; only while the refund is IN_PROGRESS. */
  readonly credit: { readonly issuerId: string; readonly paymentAmount: number } | null;
  /** True if this call found the refund's state instead of bringing it about. */
  readonly replayed: boolean;
  /** The merchant's event of that state, if there is one that has not been delivered. */
  readonly webhookEventId: string | null;
}

/** Decides a refund, or reserves it where a pay-later partner has to be asked, in one round trip and one transaction. */
export async function beginRefund(db: Db, request: BeginRefundRequest): Promise<StoredRefund> {
  const statement = { name: 'refund_begin', text: 'select refund_begin($1::jsonb) as outcome' };
  return (await oneRow<{ outcome: StoredRefund }>(db, statement, [JSON.stringify(request)])).outcome;
}

/** How a refund ends that had to wait: COMPLETED without `failCode`. `resolver` and `resolution` close its break, if any. */
export interface FinishRefundRequest {
  readonly refundId: string;
  readonly failCode?: RefundFailCode | undefined;
  readonly resolver: string;
  readonly resolution: string;
  /** Opens one more break, about what an operator said and the issuer did not bear out. */
  readonly contradiction?: Contradiction | undefined;
  readonly decidedAt: string;
}

/** Ends a refund that is IN_PROGRESS, or finds its end. */
export async function finishRefund(db: Db, request: FinishRefundRequest): Promise<StoredRefund> {
  const statement = { name: 'refund_finish', text: 'select refund_finish($1::jsonb) as outcome' };
  return (await oneRow<{ outcome: StoredRefund }>(db, statement, [JSON.stringify(request)])).outcome;
}

/** What nobody could find out: `reference` is the operation's key at the issuer. */
export interface GiveUpRefundRequest {
  readonly refundId: string;
  readonly reference: string;
  readonly detail: string;
  readonly openedAt: string;
}

/** Records that nobody could find out what became of a refund at its issuer. */
export async function giveUpRefund(db: Db, request: GiveUpRefundRequest): Promise<void> {
  const statement = { name: 'refund_give_up', text: 'select refund_give_up($1::jsonb)' };
  await rows(db, statement, [JSON.stringify(request)]);
}

/** What a request for a refund is about: the refund of that id, if there is one, and the merchant's payment, if there is. */
export interface RefundTarget {
  readonly stored: StoredRefund | null;
  readonly payment: {
    readonly paymentId: string;
    readonly currency: string;
    /** False while nobody knows what its pay-later partner says. */
    readonly isDecided: boolean;
  } | null;
}

/** Looks up both by the merchant's own ids. */
export async function findRefundTarget(
  db: Db,
  merchantId: string,
  merchantPaymentId: string,
  merchantRefundId: string,
): Promise<RefundTarget> {
  const statement = {
    name: 'refund_target',
    text: `select (select refund_outcome(f, true) from refund f
                    where f.merchant_id = $1 and f.merchant_refund_id = $3) as stored,
                  (select json_build_object('paymentId', payment_id, 'currency', currency,
                                            'isDecided', status <> 'IN_PROGRESS') from payment
                    where merchant_id = $1 and merchant_payment_id = $2) as payment`,
  };
  return oneRow<{ [Key in keyof RefundTarget]: RefundTarget[Key] }>(db, statement, [
    merchantId,
    merchantPaymentId,
    merchantRefundId,
  ]);
}

/** Where a page of a payment's refunds goes on; `at` keeps Postgres' microseconds. */
export interface RefundCursor {
  readonly at: string;
  readonly refundId: string;
}

/** A payment's refunds that its merchant asked for, newest first; nothing if there is no such payment of the merchant. */
export async function listRefunds(
  db: Db,
  merchantId: string,
  merchantPaymentId: string,
  limit: number,
  after: RefundCursor | undefined,
): Promise<{ items: RefundView[]; next: RefundCursor | undefined } | undefined> {
  const payment = await firstRow<{ paymentId: string }>(
    db,
    {
      name: 'refund_list_payment',
      text: 'select payment_id as "paymentId" from payment where merchant_id = $1 and merchant_payment_id = $2',
    },
    [merchantId, merchantPaymentId],
  );
  if (payment === undefined) return undefined;
  const statement = {
    name: 'refund_list',
    text: `select refund_view(f) as view, cursor_time(f.requested_at) as at from refund f
            where f.payment_id = $1 and f.kind = 'MERCHANT'
              and ($3::timestamptz is null or (f.requested_at, f.refund_id) < ($3, $4))
            order by f.requested_at desc, f.refund_id desc limit $2`,
  };
  const found = await rows<{ view: RefundView; at: string }>(db, statement, [
    payment.paymentId,
    limit + 1,
    after?.at ?? null,
    after?.refundId ?? null,
  ]);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const next =
    found.length > limit && last !== undefined ? { at: last.at, refundId: last.view.refundId } : undefined;
  return { items: page.map((row) => row.view), next };
}
