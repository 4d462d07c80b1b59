-- What the issuer said of a payment that waits for it: posts it, declines it, or cancels it if that was asked for
-- meanwhile. Once decided, later words change nothing.
create or replace function payment_credit_decide(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_now timestamptz := (r ->> 'decidedAt')::timestamptz;
  v_payment payment := payment_locked(r);
  v_event_seq bigint;
begin
  if v_payment.status <> 'IN_PROGRESS' then
    return payment_outcome(v_payment, true);
  end if;
  perform 1 from offline_key where handle = v_payment.offline_handle for update;
  v_event_seq := payer_lock(v_payment.payer_id);
  if not (r ->> 'authorised')::boolean then
    update payment set status = 'DECLINED', decline_code = 'CREDIT_DECLINED', decided_at = v_now, reconcile_until = null
     where payment_id = v_payment.payment_id returning * into v_payment;
  elsif v_payment.cancel_requested_at is not null then
    update payment set status = 'CANCELED', decided_at = v_now, canceled_at = v_now, reconcile_until = null
     where payment_id = v_payment.payment_id returning * into v_payment;
  else
    perform ledger_post(
      'payment:' || v_payment.payment_id, 'PAYMENT', v_payment.currency, v_now,
      array[payment_source_account(v_payment), 'merchant:' || v_payment.merchant_id || ':' || v_payment.currency],
      array[-v_payment.amount, v_payment.amount]);
    update payment
       set status = 'COMPLETED', decided_at = v_now, transfer_id = 'payment:' || payment_id,
           cancel_until = (select payment_cancel_deadline(v_now, m.time_zone, (r ->> 'cancelUntilMinutesOfNextDay')::int)
                             from merchant m where m.merchant_id = v_payment.merchant_id),
           reconciliation = case when code_mode = 'OFFLINE' then 'PENDING' end
     where payment_id = v_payment.payment_id returning * into v_payment;
  end if;
  if r ->> 'operator' is not null then
    update reconciliation_break
       set resolved_at = v_now, resolver = r ->> 'operator', resolution = v_payment.status || ': ' || coalesce(r ->> 'reason', '')
     where payment_id = v_payment.payment_id and class = 'unknown_outcome' and resolved_at is null;
  end if;
  perform payment_tell(v_payment, v_event_seq);
  return payment_decided(v_payment, v_now);
end $$;

-- Hands what nobody could find out to a person, once.
create or replace function payment_break(
  p_payment_id text, p_class text, p_counterpart text, p_reference text, p_detail text, p_at timestamptz
) returns void language sql as $$
  insert into reconciliation_break (break_id, class, counterpart, merchant_id, day, reference, payment_id, ours_amount, detail, opened_at)
  select 'brk_' || md5(p_counterpart || '/' || p_class || '/' || p_reference), p_class, p_counterpart, p.merchant_id,
         (p.requested_at at time zone m.time_zone)::date, p_reference, p.payment_id, p.amount, p_detail, p_at
    from payment p join merchant m using (merchant_id) where p.payment_id = p_payment_id
  on conflict do nothing
$$;
