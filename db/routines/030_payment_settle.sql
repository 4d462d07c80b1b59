-- Until when a payment can be canceled: so many minutes after the local midnight that ends its day.
create or replace function payment_cancel_deadline(p_at timestamptz, p_time_zone text, p_minutes int)
returns timestamptz language sql stable as $$
  select (date_trunc('day', p_at at time zone p_time_zone) + interval '1 day' + make_interval(mins => p_minutes))
         at time zone p_time_zone
$$;

-- Decides a payment: one call, one transaction. The request is a jsonb object (SettleRequest in db/payment.ts).
--
-- Order: a stored decision of the same id; the code, spent whatever follows; then, under the payer's lock, the account,
-- a similar payment, the money. Replaying the same id answers what was stored and writes nothing.
create or replace function payment_settle(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_now timestamptz := (r ->> 'decidedAt')::timestamptz;
  v_payment payment;
  v_code one_time_code;
  v_decline text;
  v_user_status text;
  v_event_seq bigint;
  v_available bigint;
  v_payment_id text := r ->> 'paymentId';
  v_tombstone boolean := false;
begin
  perform payment_lock(r ->> 'merchantId', r ->> 'merchantPaymentId');
  select * into v_payment from payment
   where merchant_id = r ->> 'merchantId' and merchant_payment_id = r ->> 'merchantPaymentId';
  if found then
    if v_payment.request_hash is not null then
      return payment_outcome(payment_as_decided(v_payment), true);
    end if;
    v_tombstone := true;
    v_payment_id := v_payment.payment_id;
    v_decline := 'CANCELED';
  end if;

  update one_time_code set used_at = v_now, used_by = v_payment_id
   where code_digest = decode(r ->> 'codeDigest', 'hex') and used_at is null
  returning * into v_code;
  if not found then
    select * into v_code from one_time_code where code_digest = decode(r ->> 'codeDigest', 'hex');
    v_decline := coalesce(v_decline, case when found then 'CODE_ALREADY_USED' else 'CODE_INVALID' end);
  elsif v_code.expires_at <= v_now then
    v_decline := coalesce(v_decline, 'CODE_EXPIRED');
  end if;

  if v_code.user_id is not null then
    update app_user set event_seq = event_seq + 1 where user_id = v_code.user_id
    returning status, event_seq into v_user_status, v_event_seq;
  end if;

  if v_decline is null and v_user_status <> 'ACTIVE' then
    v_decline := 'ACCOUNT_SUSPENDED';
  end if;
  if v_decline is null and not (r ->> 'acceptSimilar')::boolean and exists (
       select 1 from (
         select * from payment
          where payer_id = v_code.user_id
            and requested_at > (r ->> 'requestedAt')::timestamptz - make_interval(secs => (r ->> 'similarWindowMs')::numeric / 1000) offset 0) p
        where p.status = 'COMPLETED' and p.merchant_id = r ->> 'merchantId' and p.store_id = r ->> 'storeId'
          and p.amount = (r ->> 'amount')::bigint and p.currency = r ->> 'currency') then
    v_decline := 'SIMILAR_PAYMENT';
  end if;
  if v_decline is null then
    select posted - held into v_available from balance
     where account_id = 'user:' || v_code.user_id || ':' || (r ->> 'currency') for update;
    if v_available is null or v_available < (r ->> 'amount')::bigint then
      v_decline := 'INSUFFICIENT_FUNDS';
    end if;
  end if;
  if v_decline is null then
    perform ledger_post(
      'payment:' || v_payment_id, 'PAYMENT', r ->> 'currency', v_now,
      array['user:' || v_code.user_id || ':' || (r ->> 'currency'), 'merchant:' || (r ->> 'merchantId') || ':' || (r ->> 'currency')],
      array[-(r ->> 'amount')::bigint, (r ->> 'amount')::bigint]);
  end if;

  if v_tombstone then
    delete from payment where payment_id = v_payment.payment_id;
  end if;
  insert into payment (
    payment_id, merchant_id, merchant_payment_id, store_id, terminal_id, receipt_number, status, decline_code,
    amount, currency, items, code_mode, funding_source, payer_id, device_id, transfer_id, request_hash, attempt_id,
    policy_version, requested_at, decided_at, cancel_until, canceled_at, cancel_reason)
  select v_payment_id, r ->> 'merchantId', r ->> 'merchantPaymentId', r ->> 'storeId', r ->> 'terminalId',
         r ->> 'receiptNumber', case when v_decline is null then 'COMPLETED' else 'DECLINED' end, v_decline,
         (r ->> 'amount')::bigint, r ->> 'currency', r -> 'items', r ->> 'codeMode', v_code.funding_source,
         v_code.user_id, v_code.device_id, case when v_decline is null then 'payment:' || v_payment_id end,
         r ->> 'requestHash', r ->> 'attemptId', r ->> 'policyVersion', (r ->> 'requestedAt')::timestamptz, v_now,
         payment_cancel_deadline(v_now, m.time_zone, (r ->> 'cancelUntilMinutesOfNextDay')::int),
         v_payment.canceled_at, v_payment.cancel_reason
    from merchant m where m.merchant_id = r ->> 'merchantId'
  returning * into strict v_payment;
  perform payment_tell(v_payment, v_event_seq);
  return payment_outcome(v_payment, false);
end $$;
