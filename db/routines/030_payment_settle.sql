-- Until when a payment can be canceled: so many minutes after the local midnight that ends its day.
create or replace function payment_cancel_deadline(p_at timestamptz, p_time_zone text, p_minutes int)
returns timestamptz language sql stable as $$
  select (date_trunc('day', p_at at time zone p_time_zone) + interval '1 day' + make_interval(mins => p_minutes))
         at time zone p_time_zone
$$;

-- Under which digest the code of a request was issued: a former pepper's, if there is no such code under the one of today.
create or replace function online_code_digest(r jsonb) returns bytea language plpgsql set enable_seqscan = off as $$
declare
  v_digest bytea := decode(r ->> 'codeDigest', 'hex');
begin
  if r -> 'olderCodeDigests' is null or exists (select 1 from one_time_code where code_digest = v_digest) then
    return v_digest;
  end if;
  return coalesce((select code_digest from one_time_code where code_digest = any (code_digests(r)) limit 1), v_digest);
end $$;

-- Takes an online code: single use, also when the payment fails.
create or replace function take_online_code(p_digest bytea, p_payment_id text, p_now timestamptz) returns taken_code
language plpgsql set enable_seqscan = off as $$
declare
  v_code one_time_code;
begin
  update one_time_code set used_at = p_now, used_by = p_payment_id where code_digest = p_digest and used_at is null
  returning * into v_code;
  if found then
    return (v_code.user_id, v_code.device_id, v_code.funding_source,
            case when v_code.expires_at <= p_now then 'CODE_EXPIRED' end)::taken_code;
  end if;
  select * into v_code from one_time_code where code_digest = p_digest;
  return (v_code.user_id, v_code.device_id, v_code.funding_source,
          case when found then 'CODE_ALREADY_USED' else 'CODE_INVALID' end)::taken_code;
end $$;

-- Takes an offline code, whose step the caller found with the key (null: no acceptable step has this password). Under
-- the key's row lock, so that of many tills one wins. A wrong password is counted against the handle and charged to
-- nobody: whoever guesses must not write into the payer's history.
create or replace function take_offline_code(
  p_handle text, p_step bigint, p_presented timestamptz, p_now timestamptz, p_policy jsonb
) returns taken_code language plpgsql set enable_seqscan = off as $$
declare
  v_key offline_key;
  v_fresh boolean;
  v_funding text;
begin
  select * into v_key from offline_key where handle = p_handle for update;
  if not found then
    return (null, null, null, 'CODE_INVALID')::taken_code;
  end if;
  if v_key.blocked_until > p_now then
    return (null, null, null, 'TOO_MANY_ATTEMPTS')::taken_code;
  end if;
  if (p_policy ->> 'keyIsUnreadable')::boolean then
    -- Whether the password is right nobody knows: nothing is counted, spent or charged; the phone gets a key that can be read.
    return (null, null, null, 'OFFLINE_KEY_STALE')::taken_code;
  end if;
  if p_step is null then
    if v_key.failed_since is null or v_key.failed_since <= p_now - make_interval(secs => (p_policy ->> 'windowMs')::numeric / 1000) then
      v_key.failed_count := 0;
      v_key.failed_since := p_now;
    end if;
    v_key.failed_count := v_key.failed_count + 1;
    if v_key.failed_count >= (p_policy ->> 'maxFailures')::int then
      v_key.blocked_until := p_now + make_interval(secs => (p_policy ->> 'blockMs')::numeric / 1000);
      v_key.failed_count := 0;
      v_key.failed_since := null;
    end if;
    update offline_key set failed_count = v_key.failed_count, failed_since = v_key.failed_since,
           blocked_until = v_key.blocked_until where handle = p_handle;
    return (null, null, null, 'CODE_INVALID')::taken_code;
  end if;
  select offline_funding_source into v_funding from app_user where user_id = v_key.user_id;
  if p_step <= v_key.last_step then
    return (v_key.user_id, v_key.device_id, v_funding, 'CODE_ALREADY_USED')::taken_code;
  end if;
  select d.last_contact_at + make_interval(secs => (p_policy ->> 'freshnessMs')::numeric / 1000) > p_now
    into v_fresh from device d where d.device_id = v_key.device_id;
  v_fresh := v_fresh and v_key.revoked_at is null;
  update offline_key
     set last_step = p_step, failed_count = case when v_fresh then 0 else failed_count + 1 end,
         failed_since = case when not v_fresh then coalesce(failed_since, p_now) end
   where handle = p_handle;
  return (v_key.user_id, v_key.device_id, v_funding,
          case when p_now > p_presented + make_interval(secs => (p_policy ->> 'decideWithinMs')::numeric / 1000) then 'CODE_EXPIRED'
               when not v_fresh then 'OFFLINE_KEY_STALE' end)::taken_code;
end $$;

-- The limits of offline payments, exact because the caller holds the payer's row.
create or replace function offline_limit(p_user_id text, p_amount bigint, p_now timestamptz, p_policy jsonb) returns text
language sql stable as $$
  select case
    when p_amount > (p_policy ->> 'maxAmount')::bigint then 'OFFLINE_LIMIT_AMOUNT'
    when c.in_24h >= (p_policy ->> 'maxPer24h')::int or c.in_30d >= (p_policy ->> 'maxPer30d')::int then 'OFFLINE_LIMIT_COUNT' end
    from offline_payment_counts(p_user_id, p_now) c
$$;

-- Decides a payment: one call, one transaction. The request is a jsonb object (SettleRequest in db/payment.ts).
--
-- Order: a stored decision of the same id; the code, spent whatever follows (none where the payer's own phone asks); then, under the payer's lock, the account,
-- a similar payment, the limits, the money. Replaying the same id answers what was stored and writes nothing. What an
-- issuer pays stays IN_PROGRESS here: only the issuer can say (060_payment_credit.sql).
create or replace function payment_settle(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_now timestamptz := (r ->> 'decidedAt')::timestamptz;
  v_requested timestamptz := (r ->> 'requestedAt')::timestamptz;
  v_amount bigint := (r ->> 'amount')::bigint;
  v_is_offline boolean := r ->> 'codeMode' = 'OFFLINE';
  v_payment payment;
  v_code taken_code;
  v_credit pay_later_account;
  v_decline text;
  v_status text;
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

  if r ->> 'codeMode' = 'APP' then
    -- Nobody shows a code: the phone itself asks, and has said who it is.
    v_code := (r ->> 'payerId', r ->> 'deviceId', r ->> 'fundingSource', null)::taken_code;
  elsif v_is_offline then
    v_code := take_offline_code(r ->> 'offlineHandle', (r ->> 'offlineStep')::bigint, v_requested, v_now, r -> 'offlinePolicy');
  else
    v_code := take_online_code(online_code_digest(r), v_payment_id, v_now);
  end if;
  v_decline := coalesce(v_decline, v_code.decline);

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
            and requested_at > v_requested - make_interval(secs => (r ->> 'similarWindowMs')::numeric / 1000) offset 0) p
        where p.status in ('COMPLETED', 'IN_PROGRESS') and p.merchant_id = r ->> 'merchantId' and p.store_id = r ->> 'storeId'
          and p.amount = v_amount and p.currency = r ->> 'currency') then
    v_decline := 'SIMILAR_PAYMENT';
  end if;
  if v_decline is null and v_is_offline then
    -- The limit is an amount of one currency: what is of another one is beyond it.
    v_decline := case when r ->> 'currency' <> r -> 'offlinePolicy' ->> 'currency' then 'OFFLINE_LIMIT_AMOUNT'
                      else offline_limit(v_code.user_id, v_amount, v_now, r -> 'offlinePolicy') end;
  end if;
  if v_decline is null and v_code.funding_source = 'PAY_LATER' then
    select * into v_credit from pay_later_account where user_id = v_code.user_id;
    if not found or not exists (select 1 from account where account_id = 'issuer:' || v_credit.issuer_id || ':' || (r ->> 'currency')) then
      v_decline := 'CREDIT_DECLINED';
      -- Nobody is asked, so nobody has to confirm anything.
      v_credit := null;
    end if;
  elsif v_decline is null then
    select posted - held into v_available from balance
     where account_id = 'user:' || v_code.user_id || ':' || (r ->> 'currency') for update;
    if v_available is null or v_available < v_amount then
      v_decline := 'INSUFFICIENT_FUNDS';
    else
      perform ledger_post(
        'payment:' || v_payment_id, 'PAYMENT', r ->> 'currency', v_now,
        array['user:' || v_code.user_id || ':' || (r ->> 'currency'), 'merchant:' || (r ->> 'merchantId') || ':' || (r ->> 'currency')],
        array[-v_amount, v_amount]);
    end if;
  end if;
  v_status := case when v_decline is not null then 'DECLINED' when v_credit.issuer_id is not null then 'IN_PROGRESS' else 'COMPLETED' end;

  if v_tombstone then
    delete from payment where payment_id = v_payment.payment_id;
  end if;
  insert into payment (
    payment_id, merchant_id, merchant_payment_id, store_id, terminal_id, receipt_number, status, decline_code,
    amount, currency, items, code_mode, funding_source, payer_id, device_id, transfer_id, request_hash, attempt_id,
    policy_version, requested_at, decided_at, cancel_until, canceled_at, cancel_reason, code_digest, offline_handle,
    offline_step, reconciliation, reconcile_until, issuer_id, account_ref)
  select v_payment_id, r ->> 'merchantId', r ->> 'merchantPaymentId', r ->> 'storeId', r ->> 'terminalId',
         r ->> 'receiptNumber', v_status, v_decline,
         v_amount, r ->> 'currency', r -> 'items', r ->> 'codeMode', v_code.funding_source,
         v_code.user_id, v_code.device_id, case when v_status = 'COMPLETED' then 'payment:' || v_payment_id end,
         r ->> 'requestHash', r ->> 'attemptId', r ->> 'policyVersion', v_requested,
         case when v_status <> 'IN_PROGRESS' then v_now end,
         payment_cancel_deadline(v_now, m.time_zone, (r ->> 'cancelUntilMinutesOfNextDay')::int),
         v_payment.canceled_at, v_payment.cancel_reason,
         case when v_is_offline then decode(r ->> 'codeDigest', 'hex') end, r ->> 'offlineHandle', (r ->> 'offlineStep')::bigint,
         case when v_is_offline and v_status = 'COMPLETED' then 'PENDING' end,
         case when v_is_offline and v_status <> 'DECLINED'
              then v_now + make_interval(secs => (r -> 'offlinePolicy' ->> 'journalDeadlineMs')::numeric / 1000) end,
         v_credit.issuer_id, v_credit.account_ref
    from merchant m where m.merchant_id = r ->> 'merchantId'
  returning * into strict v_payment;
  perform payment_tell(v_payment, v_event_seq);
  return payment_decided(v_payment, v_now);
end $$;
