import type { Amounts, Position } from '../domain/reconciliation/compare.ts';
import { MERCHANT_BOOK } from './merchant-book.ts';
import type { MerchantDay } from './settlement.ts';

/** A day with what lies around it. */
export interface ComparedDay extends MerchantDay {
  /** Two days before and after, as far as what decides about the day can lie. */
  readonly wideBegins: string;
  readonly wideEnds: string;
}

/** One reference of a day on both sides; `nearby` only where a side lacks it. */
export interface PositionRow {
  readonly reference: string;
  readonly paymentId: string | null;
  readonly ours: number | null;
  readonly theirs: number | null;
  readonly isElsewhere: boolean | null;
  readonly nearby: { readonly ours: Amounts | null; readonly theirs: Amounts | null } | null;
}

export function positionOf(row: PositionRow): Position {
  const on = (amount: number | null): Amounts => (amount === null ? {} : { 0: amount });
  return {
    reference: row.reference,
    ours: { ...row.nearby?.ours, ...on(row.ours) },
    theirs: { ...row.nearby?.theirs, ...on(row.theirs) },
    isElsewhere: row.isElsewhere === true,
  };
}

/**
 * Our book of a day against the merchant's file of that day, by type and merchant's payment id: several refunds of one
 * payment count as their sum. Nearby days are looked up for what a side lacks.
 */
export const FILE_POSITIONS = `
  with ours as (
    select type, merchant_payment_id, sum(amount)::bigint as amount, min(payment_id) as payment_id
      from (${MERCHANT_BOOK}) b where merchant_id = $1 and at >= $3::timestamptz and at < $4::timestamptz
     group by type, merchant_payment_id),
  theirs as (
    select r.type, r.merchant_payment_id, sum(r.amount)::bigint as amount
      from merchant_file f join merchant_file_row r using (file_id)
     where f.merchant_id = $1 and f.day = $2::date
     group by r.type, r.merchant_payment_id)
  select type || ' ' || merchant_payment_id as reference,
         coalesce(x.payment_id, (select p.payment_id from payment p
           where p.merchant_id = $1 and p.merchant_payment_id = x.merchant_payment_id)) as "paymentId",
         ours, theirs, null::boolean as "isElsewhere",
         case when ours is null or theirs is null then json_build_object(
           'ours', (select json_object_agg(off, amount) from (
             select ((b.at at time zone $7)::date - $2::date)::text as off, sum(b.amount)::bigint as amount
               from (${MERCHANT_BOOK}) b
              where b.merchant_id = $1 and b.type = x.type and b.at >= $5::timestamptz and b.at < $6::timestamptz
                and b.payment_id = (select p.payment_id from payment p
                      where p.merchant_id = $1 and p.merchant_payment_id = x.merchant_payment_id)
              group by 1) n),
           'theirs', (select json_object_agg(off, amount) from (
             select (f.day - $2::date)::text as off, sum(r.amount)::bigint as amount
               from merchant_file f join merchant_file_row r using (file_id)
              where f.merchant_id = $1 and f.day between $2::date - 2 and $2::date + 2
                and r.merchant_payment_id = x.merchant_payment_id and r.type = x.type
              group by 1) n)) end as nearby
    from (select type, merchant_payment_id, o.payment_id, o.amount as ours, t.amount as theirs
            from ours o full join theirs t using (type, merchant_payment_id)) x`;

/**
 * Our book of a day against the entries of the merchant's account, by transfer. `$8` is the account, `$9` and `$10` the
 * range of entry ids of that day.
 */
export const LEDGER_POSITIONS = `
  with ours as (
    select transfer_id, payment_id, account, amount
      from (${MERCHANT_BOOK}) b where merchant_id = $1 and at >= $3::timestamptz and at < $4::timestamptz),
  theirs as (
    select e.transfer_id, sum(e.amount)::bigint as amount
      from entry e join transfer t using (transfer_id)
     where e.account_id = $8 and e.entry_id between $9::bigint and $10::bigint
       and e.posted_at >= $3::timestamptz and e.posted_at < $4::timestamptz
       and t.kind in ('PAYMENT', 'PAYMENT_CANCEL', 'REFUND')
     group by e.transfer_id)
  select transfer_id as reference, payment_id as "paymentId", ours, theirs,
         ours = theirs and account is distinct from (
           select string_agg(c.account_id, ' ' order by c.account_id) from entry c
            where c.transfer_id = x.transfer_id and c.account_id <> $8) as "isElsewhere",
         case when ours is null or theirs is null then json_build_object(
           'ours', (select json_object_agg(off, amount) from (
             select ((b.at at time zone $7)::date - $2::date)::text as off, b.amount
               from (${MERCHANT_BOOK}) b
              where b.merchant_id = $1 and b.book_id = substr(x.transfer_id, strpos(x.transfer_id, ':') + 1)
                and b.transfer_id = x.transfer_id and b.at >= $5::timestamptz and b.at < $6::timestamptz) n),
           'theirs', (select json_object_agg(off, amount) from (
             select ((e.posted_at at time zone $7)::date - $2::date)::text as off, sum(e.amount)::bigint as amount
               from entry e
              where e.transfer_id = x.transfer_id and e.account_id = $8
                and e.posted_at >= $5::timestamptz and e.posted_at < $6::timestamptz
              group by 1) n)) end as nearby
    from (select transfer_id, o.payment_id, o.account, o.amount as ours, t.amount as theirs
            from ours o full join theirs t using (transfer_id)) x`;

/** Offline payments of a day about which the payer's phone said no, or nothing in time; `$4` is now, `$5` what is long past it. */
export const JOURNAL_POSITIONS = `
  select 'PAYMENT ' || merchant_payment_id as reference, payment_id as "paymentId", amount, reconciliation
    from payment
   where merchant_id = $1 and decided_at >= $2::timestamptz and decided_at < $3::timestamptz
     and code_mode = 'OFFLINE'
     and (reconciliation in ('DISPUTED', 'UNCONFIRMED')
          or reconciliation = 'PENDING' and reconcile_until < $4::timestamptz - make_interval(secs => $5 / 1000.0))`;

export interface JournalRow {
  readonly reference: string;
  readonly paymentId: string;
  readonly amount: number;
  readonly reconciliation: 'DISPUTED' | 'UNCONFIRMED' | 'PENDING';
}

/**
 * Payments on credit of a day whose end at the issuer is not among its answers: a capture for what is paid, a void for what was
 * canceled, for a decline either its refusal or a void; and those that have waited too long (`$5`) for any answer (`$4` is now). What
 * was handed to a person as `unknown_outcome` is not said again. Keys: domain/credit.
 */
export const ISSUER_POSITIONS = `
  with ours as (
    select p.*, 'payment:' || p.merchant_id || ':' || p.merchant_payment_id || ':' as operation
      from payment p
     where p.merchant_id = $1 and p.issuer_id is not null
       and (p.decided_at >= $2::timestamptz and p.decided_at < $3::timestamptz
            or p.status = 'IN_PROGRESS' and p.requested_at >= $2::timestamptz and p.requested_at < $3::timestamptz
               and p.requested_at < $4::timestamptz - make_interval(secs => $5 / 1000.0)))
  select 'PAYMENT ' || merchant_payment_id as reference, payment_id as "paymentId", amount, status,
         case status when 'IN_PROGRESS' then 'DECISION' when 'CANCELED' then 'VOID' when 'DECLINED' then 'VOID'
                     else 'CAPTURE' end as needs
    from ours o
   where not exists (
           select 1 from issuer_attempt a
            where a.operation_key = o.operation || case when o.status in ('COMPLETED', 'REFUNDED') then 'capture' else 'void' end
              and a.outcome = 'DONE' and o.status <> 'IN_PROGRESS')
     and not (o.status = 'DECLINED' and exists (
           select 1 from issuer_attempt a where a.operation_key = o.operation || 'authorise' and a.outcome = 'REFUSED'))
     and not exists (
           select 1 from reconciliation_break b
            where b.payment_id = o.payment_id and b.merchant_id = $1 and b.counterpart = 'ISSUER' and b.class = 'unknown_outcome'
              and b.resolved_at is null)`;

export interface IssuerRow {
  readonly reference: string;
  readonly paymentId: string;
  readonly amount: number;
  readonly status: string;
  /** What the issuer is not known to have done. */
  readonly needs: 'DECISION' | 'CAPTURE' | 'VOID';
}

/**
 * Refunds on credit of a day, merchants' and those of disputes, that the issuer's answers do not bear out: COMPLETED without its DONE,
 * FAILED though it has done it, or waiting too long (`$5`) for any answer (`$4` is now). What was handed to a person as
 * `unknown_outcome` is not said again. Keys: domain/credit.
 */
export const ISSUER_REFUND_POSITIONS = `
  with ours as (
    select f.*, case f.kind when 'DISPUTE' then 'DISPUTE_REFUND ' || f.merchant_payment_id
                            else 'REFUND ' || f.merchant_refund_id end as reference,
           case f.kind when 'DISPUTE' then 'payment:' || f.merchant_id || ':' || f.merchant_payment_id || ':dispute-refund'
                       else 'refund:' || f.merchant_id || ':' || f.merchant_refund_id || ':refund' end as operation
      from refund f join payment p using (payment_id)
     where f.merchant_id = $1 and p.issuer_id is not null
       and (f.decided_at >= $2::timestamptz and f.decided_at < $3::timestamptz
            or f.status = 'IN_PROGRESS' and f.requested_at >= $2::timestamptz and f.requested_at < $3::timestamptz
               and f.requested_at < $4::timestamptz - make_interval(secs => $5 / 1000.0)))
  select reference, payment_id as "paymentId", amount, status
    from ours o
   where (status = 'IN_PROGRESS' or (status = 'FAILED') = exists (
           select 1 from issuer_attempt a where a.operation_key = o.operation and a.outcome = 'DONE'))
     and not exists (
           select 1 from reconciliation_break b
            where b.payment_id = o.payment_id and b.merchant_id = $1 and b.counterpart = 'ISSUER' and b.class = 'unknown_outcome'
              and b.reference in (o.operation, 'word:' || o.operation) and b.resolved_at is null)`;

export interface IssuerRefundRow {
  readonly reference: string;
  readonly paymentId: string;
  readonly amount: number;
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
}
