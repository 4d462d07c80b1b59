-- What is left of a payment: refunds on their way count like those that arrived, so nothing can be given back twice.
create or replace function payment_remaining(p payment) returns bigint language sql stable as $$
  select p.amount - coalesce(sum(f.amount), 0)::bigint
    from refund f where f.payment_id = p.payment_id and f.status in ('IN_PROGRESS', 'COMPLETED')
$$;

-- The one place that says what a refund looks like from outside: API answers, webhook bodies and device events.
create or replace function refund_view(f refund) returns json language sql stable parallel safe as $$
  select json_strip_nulls(json_build_object(
    'refundId', f.refund_id,
    'merchantRefundId', f.merchant_refund_id,
    'paymentId', f.payment_id,
    'merchantPaymentId', f.merchant_payment_id,
    'merchantId', f.merchant_id,
    'status', f.status,
    'failCode', f.fail_code,
    'amount', f.amount,
    'currency', f.currency,
    'reason', f.reason,
    'requestedAt', rfc3339(f.requested_at),
    'decidedAt', rfc3339(f.decided_at)))
$$;

-- What a workflow and the API need of a refund in the state given; `credit` only while a pay-later partner has to be
-- asked.
create or replace function refund_outcome(f refund, p_replayed boolean) returns json language sql stable as $$
  select json_build_object(
    'view', refund_view(f), 'requestHash', f.request_hash, 'attemptId', f.attempt_id, 'userId', p.payer_id,
    'credit', case when f.status = 'IN_PROGRESS'
                   then json_build_object('issuerId', p.issuer_id, 'paymentAmount', p.amount) end,
    'replayed', p_replayed,
    'webhookEventId', (select e.event_id from webhook_event e
                        where e.event_id = 'evt_' || f.refund_id || '_' || lower(f.status) and e.status = 'PENDING'))
    from payment p where p.payment_id = f.payment_id
$$;

-- Tells the merchant of a refund's end, in the transaction that brought it.
create or replace function refund_tell(f refund) returns void language sql as $$
  insert into webhook_event (event_id, owner_kind, owner_id, type, body, created_at)
  select 'evt_' || f.refund_id || '_' || lower(f.status), 'MERCHANT', f.merchant_id, 'refund.' || lower(f.status),
         refund_view(f)::text, f.decided_at
    from merchant m where m.merchant_id = f.merchant_id and m.webhook_url is not null
$$;

-- Moves the money of a refund IN_PROGRESS, to where the payment took it from, and tells payer and merchant. The caller
-- holds the payment's lock; the payer's row is locked before the payment's, as everywhere.
create or replace function refund_complete(f refund, p payment, p_at timestamptz) returns refund
language plpgsql set enable_seqscan = off as $$
declare
  v_event_seq bigint := payer_lock(p.payer_id);
begin
  perform ledger_post(
    'refund:' || f.refund_id, 'REFUND', p.currency, p_at,
    array['merchant:' || p.merchant_id || ':' || p.currency, payment_source_account(p)], array[-f.amount, f.amount]);
  update refund set status = 'COMPLETED', transfer_id = 'refund:' || f.refund_id, decided_at = p_at
   where refund_id = f.refund_id returning * into strict f;
  update payment set refunded_amount = refunded_amount + f.amount,
                     status = case when refunded_amount + f.amount = amount then 'REFUNDED' else status end
   where payment_id = p.payment_id;
  insert into user_event (user_id, seq, kind, payload, created_at)
  values (p.payer_id, v_event_seq, 'refund.completed', refund_view(f), p_at);
  perform refund_tell(f);
  return f;
end $$;

-- Decides a refund as far as we can: one call, one transaction. The request is a jsonb object (BeginRefundRequest in
-- db/refund.ts). A payment from a balance is given back at once; for one on credit the amount is reserved, and
-- `refund_finish` says what became of it at the issuer. A refusal is kept as FAILED: a repeat hears it for good.
create or replace function refund_begin(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'decidedAt')::timestamptz;
  v_requested_at timestamptz := (r ->> 'requestedAt')::timestamptz;
  v_payment payment := payment_locked(r);
  v_refund refund;
  v_fail text;
begin
  select * into v_refund from refund
   where merchant_id = r ->> 'merchantId' and merchant_refund_id = r ->> 'merchantRefundId';
  if found then
    return refund_outcome(v_refund, true);
  end if;
  v_fail := case
    when v_payment.status not in ('COMPLETED', 'REFUNDED') then 'CONFLICT_STATE'
    when v_requested_at > v_payment.decided_at + make_interval(hours => 24 * (r ->> 'refundWindowDays')::int)
      then 'REFUND_WINDOW_CLOSED'
    when (r ->> 'amount')::bigint > payment_remaining(v_payment) then 'REFUND_EXCEEDS_REMAINING' end;

  insert into refund (
    refund_id, kind, merchant_id, merchant_refund_id, payment_id, merchant_payment_id, status, fail_code, amount,
    currency, reason, funding_source, request_hash, attempt_id, requested_at, decided_at)
  values (
    r ->> 'refundId', 'MERCHANT', v_payment.merchant_id, r ->> 'merchantRefundId', v_payment.payment_id,
    v_payment.merchant_payment_id, case when v_fail is null then 'IN_PROGRESS' else 'FAILED' end, v_fail,
    (r ->> 'amount')::bigint, v_payment.currency, r ->> 'reason', v_payment.funding_source, r ->> 'requestHash',
    r ->> 'attemptId', v_requested_at, case when v_fail is not null then v_at end)
  on conflict (merchant_id, merchant_refund_id) do nothing
  returning * into v_refund;
  if not found then
    -- The same id at the same time for another payment, whose lock is not ours: that one came first.
    select * into strict v_refund from refund
     where merchant_id = r ->> 'merchantId' and merchant_refund_id = r ->> 'merchantRefundId';
    return refund_outcome(v_refund, true);
  end if;

  if v_fail is not null then
    perform refund_tell(v_refund);
  elsif v_payment.funding_source = 'BALANCE' then
    v_refund := refund_complete(v_refund, v_payment, v_at);
  end if;
  return refund_outcome(v_refund, false);
end $$;

-- Ends a refund that was on its way to an issuer: COMPLETED moves the money, FAILED gives the reservation free. What had
-- been waiting for an operator is closed with it; where a dispute relied on the refund, a break says what its payer still
-- has to get; and where the issuer does not bear an operator's word out, one says that. Asking again finds the first end.
create or replace function refund_finish(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'decidedAt')::timestamptz;
  v_payment payment;
  v_refund refund;
begin
  select * into strict v_refund from refund where refund_id = r ->> 'refundId';
  perform payment_lock(v_refund.merchant_id, v_refund.merchant_payment_id);
  select * into strict v_payment from payment where payment_id = v_refund.payment_id;
  select * into strict v_refund from refund where refund_id = r ->> 'refundId';
  if v_refund.status <> 'IN_PROGRESS' then
    return refund_outcome(v_refund, true);
  end if;
  if r ->> 'failCode' is null then
    v_refund := refund_complete(v_refund, v_payment, v_at);
  else
    update refund set status = 'FAILED', fail_code = r ->> 'failCode', decided_at = v_at
     where refund_id = v_refund.refund_id returning * into strict v_refund;
    perform refund_tell(v_refund);
    if v_payment.dispute ->> 'action' = 'REFUND' then
      -- The operator gave the payer all but this refund, which was on its way then.
      insert into reconciliation_break (
        break_id, class, counterpart, merchant_id, day, reference, payment_id, ours_amount, detail, opened_at)
      select 'brk_dispute_' || v_refund.refund_id, 'unknown_outcome', 'ISSUER', v_refund.merchant_id,
             (v_refund.requested_at at time zone m.time_zone)::date, 'dispute:' || v_refund.refund_id, v_refund.payment_id,
             v_refund.amount,
             format('The dispute was resolved with REFUND while this refund was on its way. It has FAILED: %s %s are still '
                    'to be given back to the payer.', v_refund.amount, v_refund.currency),
             v_at
        from merchant m where m.merchant_id = v_refund.merchant_id
      on conflict do nothing;
    end if;
  end if;
  update reconciliation_break
     set resolved_at = v_at, resolver = r ->> 'resolver', resolution = v_refund.status || ': ' || (r ->> 'resolution')
   where break_id = 'brk_' || v_refund.refund_id and resolved_at is null;
  if r -> 'contradiction' is not null then
    insert into reconciliation_break (
      break_id, class, counterpart, merchant_id, day, reference, payment_id, ours_amount, detail, opened_at)
    select 'brk_word_' || v_refund.refund_id, r #>> '{contradiction,class}', 'ISSUER', v_refund.merchant_id,
           (v_refund.requested_at at time zone m.time_zone)::date, r #>> '{contradiction,reference}', v_refund.payment_id,
           v_refund.amount, r #>> '{contradiction,detail}', v_at
      from merchant m where m.merchant_id = v_refund.merchant_id
    on conflict do nothing;
  end if;
  return refund_outcome(v_refund, false);
end $$;

-- Opens the break of a refund whose outcome at the issuer could not be found out, once.
create or replace function refund_give_up(r jsonb) returns void language sql as $$
  insert into reconciliation_break (
    break_id, class, counterpart, merchant_id, day, reference, payment_id, ours_amount, detail, opened_at)
  select 'brk_' || f.refund_id, 'unknown_outcome', 'ISSUER', f.merchant_id,
         (f.requested_at at time zone m.time_zone)::date, r ->> 'reference', f.payment_id, f.amount,
         r ->> 'detail', (r ->> 'openedAt')::timestamptz
    from refund f join merchant m using (merchant_id)
   where f.refund_id = r ->> 'refundId' and f.status = 'IN_PROGRESS'
  on conflict do nothing
$$;
