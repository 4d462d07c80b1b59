-- Cancels a payment in whatever state it is: {kind: 'done', outcome}, {kind: 'pending', outcome} or {kind: 'refused', detail,
-- view, isForNow}. For now: because of a refund that is on its way and may yet fail.
-- An id never seen leaves a tombstone, so a request that is still on its way will be declined as CANCELED. While nobody
-- knows what became of a payment at its issuer it is marked, and canceled as soon as that is known.
create or replace function payment_cancel(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_now timestamptz := (r ->> 'decidedAt')::timestamptz;
  v_payment payment;
  v_event_seq bigint;
  v_is_for_now boolean;
begin
  perform payment_lock(r ->> 'merchantId', r ->> 'merchantPaymentId');
  select * into v_payment from payment
   where merchant_id = r ->> 'merchantId' and merchant_payment_id = r ->> 'merchantPaymentId';
  if not found then
    insert into payment (payment_id, merchant_id, merchant_payment_id, status, amount, currency, policy_version,
                         requested_at, canceled_at, cancel_reason)
    select r ->> 'paymentId', r ->> 'merchantId', r ->> 'merchantPaymentId', 'CANCELED', 0, m.currency,
           r ->> 'policyVersion', v_now, v_now, r ->> 'reason'
      from merchant m where m.merchant_id = r ->> 'merchantId'
    returning * into strict v_payment;
    return json_build_object('kind', 'done', 'outcome', payment_outcome(v_payment, false));
  end if;
  if v_payment.status in ('CANCELED', 'DECLINED') then
    return json_build_object('kind', 'done', 'outcome', payment_outcome(v_payment, true));
  end if;
  if v_payment.status = 'IN_PROGRESS' then
    update payment set cancel_requested_at = coalesce(cancel_requested_at, v_now),
           cancel_reason = coalesce(cancel_reason, r ->> 'reason')
     where payment_id = v_payment.payment_id returning * into v_payment;
    return json_build_object('kind', 'pending', 'outcome', payment_outcome(v_payment, true));
  end if;
  if v_payment.status <> 'COMPLETED' or payment_remaining(v_payment) < v_payment.amount then
    v_is_for_now := v_payment.status = 'COMPLETED' and v_payment.refunded_amount = 0;
    return json_build_object('kind', 'refused', 'view', payment_view(v_payment), 'isForNow', v_is_for_now,
      'detail', case when v_is_for_now then 'A refund of the payment is on its way: ask again when that has ended.'
                     else 'The payment has been refunded, so there is nothing left to cancel in full.' end);
  end if;
  if v_now > v_payment.cancel_until then
    return json_build_object('kind', 'refused', 'view', payment_view(v_payment),
      'detail', 'The payment could be canceled until ' || rfc3339(v_payment.cancel_until) || '; use a refund.');
  end if;
  v_event_seq := payer_lock(v_payment.payer_id);
  perform ledger_post(
    'cancel:' || v_payment.payment_id, 'PAYMENT_CANCEL', v_payment.currency, v_now,
    array['merchant:' || v_payment.merchant_id || ':' || v_payment.currency, payment_source_account(v_payment)],
    array[-v_payment.amount, v_payment.amount], v_payment.transfer_id);
  update payment set status = 'CANCELED', canceled_at = v_now, cancel_reason = r ->> 'reason'
   where payment_id = v_payment.payment_id returning * into v_payment;
  perform payment_tell(v_payment, v_event_seq);
  return json_build_object('kind', 'done', 'outcome', payment_outcome(v_payment, false));
end $$;
