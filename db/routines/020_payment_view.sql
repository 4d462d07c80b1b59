-- RFC 3339 in UTC with milliseconds.
create or replace function rfc3339(p_at timestamptz) returns text language sql immutable parallel safe as $$
  select to_char(p_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- The same with microseconds, to go on in a list exactly where it ended.
create or replace function cursor_time(p_at timestamptz) returns text language sql immutable parallel safe as $$
  select to_char(p_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- The one place that says what a payment looks like from outside: API answers, webhook bodies and device events.
create or replace function payment_view(p payment) returns json language sql stable parallel safe as $$
  select json_strip_nulls(json_build_object(
    'paymentId', p.payment_id,
    'merchantPaymentId', p.merchant_payment_id,
    'merchantId', p.merchant_id,
    'storeId', p.store_id,
    'terminalId', p.terminal_id,
    'receiptNumber', p.receipt_number,
    'status', p.status,
    'declineCode', p.decline_code,
    'amount', p.amount,
    'currency', p.currency,
    'refundedAmount', p.refunded_amount,
    'codeMode', p.code_mode,
    'fundingSource', p.funding_source,
    'reconciliation', p.reconciliation,
    'requestedAt', rfc3339(p.requested_at),
    'decidedAt', rfc3339(p.decided_at),
    'canceledAt', rfc3339(p.canceled_at)))
$$;

-- A payment as it was decided, whatever has become of it since: a repeat hears the same answer for good.
create or replace function payment_as_decided(p payment) returns payment language plpgsql immutable as $$
begin
  p.refunded_amount := 0;
  if p.transfer_id is not null then
    p.status := 'COMPLETED';
    p.canceled_at := null;
    p.reconciliation := case when p.reconciliation is not null then 'PENDING' end;
  end if;
  return p;
end $$;

-- What a workflow and the API need of a payment in the state given: how it looks, what makes a repeat the same request,
-- whom to wake, and the event of that state for its merchant, if there is one that has not been delivered.
create or replace function payment_outcome(p payment, p_replayed boolean) returns json
language sql stable as $$
  select json_build_object(
    'view', payment_view(p), 'requestHash', p.request_hash, 'attemptId', p.attempt_id, 'userId', p.payer_id,
    'replayed', p_replayed,
    'credit', case when p.issuer_id is not null
                   then json_build_object('issuerId', p.issuer_id, 'accountRef', p.account_ref) end,
    'reconcileUntil', rfc3339(p.reconcile_until),
    'webhookEventId', (select e.event_id from webhook_event e
                        where e.event_id = 'evt_' || p.payment_id || '_' || lower(p.status) and e.status = 'PENDING'))
$$;

-- Ids of one payment are decided one after the other: settle and cancel of the same id cannot overtake each other.
--
-- The order of all locks, so that no two steps wait for each other; each may leave some out, none goes back:
-- payment_lock -> offline_key row(s), by handle -> app_user row (payer_lock) -> payment row(s) -> balance row.
create or replace function payment_lock(p_merchant_id text, p_merchant_payment_id text) returns void
language sql as $$
  select pg_advisory_xact_lock(hashtextextended(p_merchant_id || '/' || p_merchant_payment_id, 7))
$$;

-- The payment that a request is about, under its lock. None there: no_data_found.
create or replace function payment_locked(r jsonb) returns payment language plpgsql set enable_seqscan = off as $$
declare
  v_payment payment;
begin
  perform payment_lock(r ->> 'merchantId', r ->> 'merchantPaymentId');
  select * into strict v_payment from payment
   where merchant_id = r ->> 'merchantId' and merchant_payment_id = r ->> 'merchantPaymentId';
  return v_payment;
end $$;

-- Where a payment's money came from, and where it goes back to: the payer's balance, or the issuer who paid for the payer.
create or replace function payment_source_account(p payment) returns text language sql immutable as $$
  select case when p.issuer_id is null then 'user:' || p.payer_id else 'issuer:' || p.issuer_id end || ':' || p.currency
$$;

-- Numbers the payer's next event and takes the lock under which everything about one payer is decided.
create or replace function payer_lock(p_user_id text) returns bigint language sql as $$
  update app_user set event_seq = event_seq + 1 where user_id = p_user_id returning event_seq
$$;

-- Tells merchant and payer of a payment's new state, in the transaction that brought it. The caller holds the payer's
-- row, so the user's events are numbered in the order in which they become visible. Merchants are told what is decided.
create or replace function payment_tell(p payment, p_event_seq bigint) returns void language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := case when p.status = 'CANCELED' then p.canceled_at else coalesce(p.decided_at, p.requested_at) end;
begin
  if p.payer_id is not null then
    insert into user_event (user_id, seq, kind, payload, created_at)
    values (p.payer_id, p_event_seq, 'payment.' || lower(p.status), payment_view_for_payer(p, v_at), v_at);
    if p.status = 'COMPLETED' then
      perform debt_notice_keep(p, v_at);
    end if;
    -- The phone was offline: its receipt comes by push, if it takes any.
    if p.code_mode = 'OFFLINE' and p.status in ('COMPLETED', 'DECLINED') and push_reaches(p.payer_id) then
      insert into payment_receipt_due (payment_id, due_at) values (p.payment_id, v_at) on conflict do nothing;
    end if;
  end if;
  if p.status = 'IN_PROGRESS' then
    return;
  end if;
  insert into webhook_event (event_id, owner_kind, owner_id, type, body, created_at)
  select 'evt_' || p.payment_id || '_' || lower(p.status), 'MERCHANT', p.merchant_id, 'payment.' || lower(p.status),
         payment_view(p)::text, v_at
    from merchant m where m.merchant_id = p.merchant_id and m.webhook_url is not null;
end $$;
