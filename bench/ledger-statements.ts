import type { SettleRequest, StoredOutcome } from '../db/payment.ts';
import { firstRow, oneRow, rows, type Db, type Pool } from '../db/pool.ts';

/**
 * The decision of `payment_settle` in other shapes, for comparison only: they complete a payment or throw, they do not
 * name the reason of a decline, and they know no tombstones.
 */

/**
 * One statement. All its parts see the database as it was at its beginning, which is why it cannot replace the
 * function: a similar payment that commits while this one waits for the payer's row is not seen, and a repeat that
 * arrives meanwhile ends in a unique violation instead of the stored answer.
 */
const CTE_TEXT = `
  with r as (select $1::jsonb as r),
  id_lock as materialized (select payment_lock(r ->> 'merchantId', r ->> 'merchantPaymentId') from r),
  stored as materialized (
    select p.* from r, id_lock, payment p
     where p.merchant_id = r ->> 'merchantId' and p.merchant_payment_id = r ->> 'merchantPaymentId'),
  code as (
    update one_time_code c set used_at = (r ->> 'decidedAt')::timestamptz, used_by = r ->> 'paymentId'
      from r where c.code_digest = decode(r ->> 'codeDigest', 'hex') and c.used_at is null
               and c.expires_at > (r ->> 'decidedAt')::timestamptz and not exists (select 1 from stored)
    returning c.*),
  payer as (
    update app_user u set event_seq = event_seq + 1 from code where u.user_id = code.user_id
    returning u.user_id, u.status, u.event_seq),
  funds as materialized (
    select b.account_id from r, payer, balance b
     where b.account_id = 'user:' || payer.user_id || ':' || (r ->> 'currency') and payer.status = 'ACTIVE'
       and b.posted - b.held >= (r ->> 'amount')::bigint
       and not exists (
         select 1 from payment p
          where p.payer_id = payer.user_id and p.status = 'COMPLETED' and p.merchant_id = r ->> 'merchantId'
            and p.requested_at > (r ->> 'decidedAt')::timestamptz - make_interval(secs => (r ->> 'similarWindowMs')::numeric / 1000)
            and p.store_id = r ->> 'storeId' and p.amount = (r ->> 'amount')::bigint and p.currency = r ->> 'currency')
       for update of b),
  moved as (
    insert into transfer (transfer_id, kind, currency, posted_at)
    select 'payment:' || (r ->> 'paymentId'), 'PAYMENT', r ->> 'currency', (r ->> 'decidedAt')::timestamptz from r, funds
    returning transfer_id),
  posted as (
    insert into entry (transfer_id, account_id, amount, posted_at)
    select moved.transfer_id, side.account_id, side.amount, (r ->> 'decidedAt')::timestamptz
      from r, moved, funds,
           lateral (values (funds.account_id, -(r ->> 'amount')::bigint),
                           ('merchant:' || (r ->> 'merchantId') || ':' || (r ->> 'currency'), (r ->> 'amount')::bigint))
             as side(account_id, amount)),
  paid as (
    insert into payment (
      payment_id, merchant_id, merchant_payment_id, store_id, terminal_id, receipt_number, status, amount, currency, items,
      code_mode, funding_source, payer_id, device_id, transfer_id, request_hash, attempt_id, policy_version, requested_at,
      decided_at, cancel_until)
    select r ->> 'paymentId', r ->> 'merchantId', r ->> 'merchantPaymentId', r ->> 'storeId', r ->> 'terminalId',
           r ->> 'receiptNumber', 'COMPLETED', (r ->> 'amount')::bigint, r ->> 'currency', r -> 'items', r ->> 'codeMode',
           code.funding_source, code.user_id, code.device_id, moved.transfer_id, r ->> 'requestHash', r ->> 'attemptId',
           r ->> 'policyVersion', (r ->> 'requestedAt')::timestamptz, (r ->> 'decidedAt')::timestamptz,
           (date_trunc('day', (r ->> 'decidedAt')::timestamptz at time zone m.time_zone) + interval '1 day'
             + make_interval(mins => (r ->> 'cancelUntilMinutesOfNextDay')::int)) at time zone m.time_zone
      from r, code, moved, merchant m where m.merchant_id = r ->> 'merchantId'
    returning *),
  told as (
    insert into user_event (user_id, seq, kind, payload, created_at)
    select paid.payer_id, payer.event_seq, 'payment.completed', payment_view(paid), paid.decided_at from paid, payer),
  hooked as (
    insert into webhook_event (event_id, owner_kind, owner_id, type, body, created_at)
    select 'evt_' || paid.payment_id || '_completed', 'MERCHANT', paid.merchant_id, 'payment.completed',
           payment_view(paid)::text, paid.decided_at
      from paid join merchant m using (merchant_id) where m.webhook_url is not null)
  select payment_outcome(paid, false) as outcome from paid`;

export async function settleByCte(
  pool: Pool,
  request: SettleRequest,
  isNamed: boolean,
): Promise<StoredOutcome> {
  const values = [JSON.stringify(request)];
  if (isNamed)
    return (await oneRow<{ outcome: StoredOutcome }>(pool, { name: 'bench_cte', text: CTE_TEXT }, values))
      .outcome;
  const result = await pool.query<{ outcome: StoredOutcome }>(CTE_TEXT, values);
  const [row] = result.rows;
  if (row === undefined) throw new Error('the CTE took no payment');
  return row.outcome;
}

/** Six statements, all named; with begin and commit around them eight round trips, and locks are held for seven. */
export async function settleByStatements(tx: Db, it: SettleRequest): Promise<StoredOutcome> {
  const stored = await firstRow(
    tx,
    {
      name: 'bench_s1_stored',
      text: `select p.payment_id from (select payment_lock($1, $2)) as id_lock
               join payment p on p.merchant_id = $1 and p.merchant_payment_id = $2`,
    },
    [it.merchantId, it.merchantPaymentId],
  );
  if (stored !== undefined) throw new Error('the payment is there already');
  const code = await oneRow<{ user_id: string; device_id: string; funding_source: string }>(
    tx,
    {
      name: 'bench_s2_code',
      text: `update one_time_code set used_at = $2, used_by = $3
              where code_digest = decode($1, 'hex') and used_at is null and expires_at > $2
              returning user_id, device_id, funding_source`,
    },
    [it.codeDigest, it.decidedAt, it.paymentId],
  );
  const payer = await oneRow<{ status: string; event_seq: number }>(
    tx,
    {
      name: 'bench_s3_payer',
      text: 'update app_user set event_seq = event_seq + 1 where user_id = $1 returning status, event_seq',
    },
    [code.user_id],
  );
  const account = `user:${code.user_id}:${it.currency}`;
  const funds = await oneRow<{ available: number; is_similar: boolean }>(
    tx,
    {
      name: 'bench_s4_funds',
      text: `select posted - held as available, exists (
               select 1 from payment p
                where p.payer_id = $2 and p.status = 'COMPLETED' and p.merchant_id = $3 and p.store_id = $4
                  and p.amount = $5 and p.currency = $6
                  and p.requested_at > $7::timestamptz - make_interval(secs => $8::numeric / 1000)) as is_similar
               from balance where account_id = $1 for update`,
    },
    [
      account,
      code.user_id,
      it.merchantId,
      it.storeId,
      it.amount,
      it.currency,
      it.decidedAt,
      it.similarWindowMs,
    ],
  );
  if (payer.status !== 'ACTIVE' || funds.is_similar || funds.available < it.amount)
    throw new Error('the payment would be declined');
  const transferId = `payment:${it.paymentId}`;
  await rows(
    tx,
    {
      name: 'bench_s5_post',
      text: `with moved as (insert into transfer (transfer_id, kind, currency, posted_at) values ($1, 'PAYMENT', $2, $3))
             insert into entry (transfer_id, account_id, amount, posted_at) values ($1, $4, -$6::bigint, $3), ($1, $5, $6, $3)`,
    },
    [transferId, it.currency, it.decidedAt, account, `merchant:${it.merchantId}:${it.currency}`, it.amount],
  );
  const { outcome } = await oneRow<{ outcome: StoredOutcome }>(
    tx,
    {
      name: 'bench_s6_payment',
      text: `with paid as (
               insert into payment (payment_id, merchant_id, merchant_payment_id, store_id, terminal_id, status, amount,
                 currency, code_mode, funding_source, payer_id, device_id, transfer_id, request_hash, attempt_id,
                 policy_version, requested_at, decided_at, cancel_until)
               select $1, $2, $3, $4, $5, 'COMPLETED', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                      (date_trunc('day', $17::timestamptz at time zone m.time_zone) + interval '1 day'
                        + make_interval(mins => $18::int)) at time zone m.time_zone
                 from merchant m where m.merchant_id = $2
               returning *),
             told as (
               insert into user_event (user_id, seq, kind, payload, created_at)
               select payer_id, $19, 'payment.completed', payment_view(paid), decided_at from paid),
             hooked as (
               insert into webhook_event (event_id, owner_kind, owner_id, type, body, created_at)
               select 'evt_' || paid.payment_id || '_completed', 'MERCHANT', paid.merchant_id, 'payment.completed',
                      payment_view(paid)::text, paid.decided_at
                 from paid join merchant m using (merchant_id) where m.webhook_url is not null)
             select payment_outcome(paid, false) as outcome from paid`,
    },
    [
      it.paymentId,
      it.merchantId,
      it.merchantPaymentId,
      it.storeId,
      it.terminalId,
      it.amount,
      it.currency,
      it.codeMode,
      code.funding_source,
      code.user_id,
      code.device_id,
      transferId,
      it.requestHash,
      it.attemptId,
      it.policyVersion,
      it.requestedAt,
      it.decidedAt,
      it.cancelUntilMinutesOfNextDay,
      payer.event_seq,
    ],
  );
  return outcome;
}
