-- The merchant that a parking operator is paid as. Callers' ids have no colon, so it is nobody's else.
create or replace function parking_merchant_id(p_operator_id text) returns text language sql immutable as $$
  select 'parking:' || p_operator_id
$$;

-- Whether a settlement counts as paid: not before it is decided, nor once its money is on the way back.
create or replace function parking_is_paid(s parking_settlement) returns boolean language sql immutable as $$
  select s.state not in ('PAYING', 'DECLINED', 'REFUNDED') and s.refund_status is distinct from 'IN_PROGRESS'
$$;

-- What the driver has paid of a stay and has not got back; minor units. Who needs it exactly holds parking_stay_lock.
create or replace function parking_paid(p_operator_id text, p_session_id text) returns bigint language sql stable as $$
  select coalesce(sum(amount), 0)::bigint from parking_settlement s
   where operator_id = p_operator_id and session_id = p_session_id and parking_is_paid(s)
$$;

-- Until when the driver may be out: as the quote said; who was released after the quote had run out has as long from then.
create or replace function parking_exit_by(s parking_settlement, q parking_quote) returns timestamptz language sql immutable as $$
  select greatest(q.exit_by, s.released_at + (q.exit_by - q.expires_at))
$$;

-- Whether something is left to do for a settlement's workflow at a time. Who was released by hand and whose operator's server has not
-- heard of it in three days is not told any more.
create or replace function parking_needs_workflow(s parking_settlement, p_at timestamptz) returns boolean
language sql stable as $$
  select case
    when s.refund_status is not null then s.refund_status = 'IN_PROGRESS'
    when s.state in ('PAYING', 'PAID', 'RELEASE_REQUESTED', 'AWAITING_OPERATOR') then true
    when s.released_at is null or q.release <> 'SERVER' then false
    else s.state = 'RELEASED'
         or s.released_by = 'OPERATOR' and s.operator_outcome is null and s.released_at > p_at - interval '3 days' end
    from parking_quote q where q.quote_id = s.quote_id
$$;

-- What starts a settlement's workflow again.
create or replace function parking_order(s parking_settlement) returns json language sql stable as $$
  select json_build_object(
    'operatorId', s.operator_id, 'placeId', s.place_id, 'amount', s.amount, 'currency', s.currency,
    'input', json_build_object(
      'settlementRef', s.settlement_ref, 'paymentId', p.payment_id, 'settlementId', s.settlement_id, 'userId', s.user_id,
      'deviceId', p.device_id, 'quoteId', s.quote_id, 'fundingSource', s.funding_source, 'releaseCode', s.release_code,
      'requestHash', s.request_hash, 'attemptId', s.attempt_id))
    from payment p where p.merchant_id = parking_merchant_id(s.operator_id) and p.merchant_payment_id = s.settlement_ref
$$;

-- One stay is paid by one request after the other, whoever's phone it comes from.
create or replace function parking_stay_lock(p_operator_id text, p_session_id text) returns void language sql as $$
  select pg_advisory_xact_lock(hashtextextended(p_operator_id || '/' || p_session_id, 12))
$$;

-- The one place that says what a settlement looks like from outside.
create or replace function parking_settlement_view(s parking_settlement) returns json language sql stable as $$
  select json_build_object('settlementId', s.settlement_id)::jsonb || json_strip_nulls(json_build_object(
    'reference', s.settlement_ref,
    'state', s.state,
    'declineCode', s.decline_code,
    'operatorId', s.operator_id,
    'operatorName', q.operator_name,
    'placeId', s.place_id,
    'placeName', q.place_name,
    'space', q.space,
    'quoteId', s.quote_id,
    'sessionId', s.session_id,
    'startedAt', rfc3339(q.started_at),
    'saidByDriver', nullif(q.said_by_driver, false),
    'amount', s.amount,
    'currency', s.currency,
    'fundingSource', s.funding_source,
    'releaseCode', s.release_code,
    'requestedAt', rfc3339(s.requested_at),
    'paidAt', rfc3339(s.paid_at),
    'exitBy', rfc3339(parking_exit_by(s, q)),
    'releasedAt', rfc3339(s.released_at),
    'releasedBy', s.released_by,
    'exitedAt', rfc3339(s.exited_at),
    'cancelRequestedAt', rfc3339(s.cancel_requested_at),
    'refund', case when s.refund_status is not null then json_build_object(
      'status', s.refund_status, 'reason', s.refund_reason, 'at', rfc3339(s.refunded_at)) end,
    'receipt', case when s.paid_at is not null then json_build_object(
      'invoiceNumber', q.invoice_number, 'operatorName', q.operator_name, 'placeName', q.place_name, 'space', q.space,
      'amount', s.amount, 'currency', s.currency, 'taxRatePercent', q.tax_rate_percent, 'taxAmount', q.tax_amount,
      'issuedAt', rfc3339(s.paid_at)) end))::jsonb
    || jsonb_build_object('acknowledgements', json_build_object(
      'device', case when s.device_seen_at is not null then json_build_object('at', rfc3339(s.device_seen_at)) end,
      'operator', case when s.operator_outcome is not null
                       then json_build_object('at', rfc3339(s.operator_answered_at), 'outcome', s.operator_outcome) end))
    from parking_quote q where q.quote_id = s.quote_id
$$;

-- A settlement as it was decided, whatever has become of it since: a repeat hears the same answer for good.
create or replace function parking_settlement_as_decided(s parking_settlement) returns parking_settlement language plpgsql immutable as $$
begin
  if s.state not in ('PAYING', 'DECLINED') then
    s.state := 'PAID';
  end if;
  s.device_seen_at := null;
  s.operator_answered_at := null;
  s.operator_outcome := null;
  s.released_at := null;
  s.released_by := null;
  s.cancel_requested_at := null;
  s.exited_at := null;
  s.refund_status := null;
  return s;
end $$;

-- What a workflow and the API need of a settlement in the state given.
create or replace function parking_outcome(s parking_settlement, p_replayed boolean) returns json language sql stable as $$
  select json_build_object(
    'kind', 'settled', 'view', parking_settlement_view(s), 'requestHash', s.request_hash, 'attemptId', s.attempt_id,
    'userId', s.user_id, 'replayed', p_replayed, 'release', q.release, 'operatorPhone', q.operator_phone,
    'now', parking_settlement_view(n),
    'payment', (select payment_outcome(p, p_replayed) from payment p
                 where p.merchant_id = parking_merchant_id(s.operator_id) and p.merchant_payment_id = s.settlement_ref))
    from parking_quote q, parking_settlement n where q.quote_id = s.quote_id and n.settlement_ref = s.settlement_ref
$$;

-- Tells the driver of a settlement's new state, in the transaction that brought it.
create or replace function parking_tell(s parking_settlement, p_kind text, p_at timestamptz) returns void language sql as $$
  insert into user_event (user_id, seq, kind, payload, created_at)
  values (s.user_id, payer_lock(s.user_id), p_kind, parking_settlement_view(s)::json, p_at)
$$;

-- Decides a settlement: one call, one transaction. The request is a jsonb object (SettleParkingRequest in
-- db/parking-settlement.ts).
--
-- Order: a stored settlement of the same id; then, under the stay's lock, the quote; then the payment, as any other
-- (payment_settle). What the quote refuses is not kept: nothing was charged, and the id may be used with another quote.
-- Locks: the settlement's id -> the stay -> those of payment_settle (020_payment_view.sql).
create or replace function parking_settle(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_now timestamptz := (r ->> 'decidedAt')::timestamptz;
  v_settlement parking_settlement;
  v_quote parking_quote;
  v_payment payment;
  v_refusal text;
  v_detail text;
begin
  perform pg_advisory_xact_lock(hashtextextended((r ->> 'userId') || '/' || (r ->> 'settlementId'), 11));
  select * into v_settlement from parking_settlement
   where user_id = r ->> 'userId' and settlement_id = r ->> 'settlementId';
  if found then
    return parking_outcome(parking_settlement_as_decided(v_settlement), true);
  end if;
  select * into v_quote from parking_quote where quote_id = r ->> 'quoteId' and user_id = r ->> 'userId';
  if not found then
    v_refusal := 'NOT_FOUND';
    v_detail := 'There is no such quote.';
  else
    perform parking_stay_lock(v_quote.operator_id, v_quote.session_id);
    if v_now >= v_quote.expires_at then
      v_refusal := 'QUOTE_EXPIRED';
      v_detail := 'The quote has expired; nothing was charged. Ask for a new one.';
    elsif v_quote.amount = 0 then
      v_refusal := 'CONFLICT_STATE';
      v_detail := 'There is nothing to pay for this stay.';
    elsif exists (select 1 from parking_settlement where operator_id = v_quote.operator_id
                    and session_id = v_quote.session_id and state = 'PAYING') then
      v_refusal := 'CONFLICT_STATE';
      v_detail := 'This stay is being paid; nothing more was charged.';
    elsif parking_paid(v_quote.operator_id, v_quote.session_id) <> v_quote.paid_before then
      v_refusal := 'CONFLICT_STATE';
      v_detail := 'Something was paid for this stay, or given back, after the quote; nothing was charged. Ask for a new one.';
    end if;
  end if;
  if v_refusal is not null then
    return json_build_object('kind', 'refused', 'code', v_refusal, 'detail', v_detail,
                             'requestHash', r ->> 'requestHash', 'attemptId', r ->> 'attemptId');
  end if;
  perform payment_settle(r || jsonb_build_object(
    'merchantId', parking_merchant_id(v_quote.operator_id), 'merchantPaymentId', r ->> 'settlementRef',
    'storeId', v_quote.place_id, 'terminalId', coalesce(v_quote.space, '-'), 'amount', v_quote.amount,
    'currency', v_quote.currency, 'codeMode', 'APP', 'payerId', r ->> 'userId', 'acceptSimilar', true));
  select * into strict v_payment from payment
   where merchant_id = parking_merchant_id(v_quote.operator_id) and merchant_payment_id = r ->> 'settlementRef';
  insert into parking_settlement (
    settlement_ref, user_id, settlement_id, quote_id, operator_id, place_id, session_id, amount, currency,
    funding_source, state, decline_code, request_hash, attempt_id, release_code, requested_at, paid_at)
  values (
    r ->> 'settlementRef', r ->> 'userId', r ->> 'settlementId', v_quote.quote_id, v_quote.operator_id, v_quote.place_id,
    v_quote.session_id, v_quote.amount, v_quote.currency, r ->> 'fundingSource',
    case v_payment.status when 'COMPLETED' then 'PAID' when 'DECLINED' then 'DECLINED' else 'PAYING' end,
    v_payment.decline_code, r ->> 'requestHash', r ->> 'attemptId', r ->> 'releaseCode', (r ->> 'requestedAt')::timestamptz,
    case when v_payment.status = 'COMPLETED' then v_now end)
  returning * into strict v_settlement;
  if v_settlement.state <> 'PAYING' then
    perform parking_tell(v_settlement, 'parking.decided', v_now);
  end if;
  return parking_outcome(v_settlement, false);
end $$;

-- Takes a settlement one step on, as its workflow says ({ref, step, at, …}: ParkingStep in db/parking-settlement.ts). A step
-- that has been taken, or that cannot be taken any more, changes nothing. Locks: the settlement's row -> app_user row.
create or replace function parking_advance(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'at')::timestamptz;
  v_step text := r ->> 'step';
  v_before parking_settlement;
  s parking_settlement;
  v_payment payment;
begin
  select * into strict v_before from parking_settlement where settlement_ref = r ->> 'ref' for update;
  s := v_before;
  if v_step = 'PAID_ON_CREDIT' and s.state = 'PAYING' then
    select * into strict v_payment from payment
     where merchant_id = parking_merchant_id(s.operator_id) and merchant_payment_id = s.settlement_ref;
    if v_payment.status = 'COMPLETED' then
      s.state := 'PAID';
      s.paid_at := v_payment.decided_at;
    elsif v_payment.status = 'DECLINED' then
      s.state := 'DECLINED';
      s.decline_code := v_payment.decline_code;
    end if;
  elsif v_step = 'REQUESTED' and s.state = 'PAID' then
    s.state := 'RELEASE_REQUESTED';
  elsif v_step = 'AWAITING' and s.state in ('PAID', 'RELEASE_REQUESTED') then
    s.state := 'AWAITING_OPERATOR';
  elsif v_step = 'RELEASED' and s.released_at is null and s.state in ('PAID', 'RELEASE_REQUESTED', 'AWAITING_OPERATOR') then
    s.state := 'RELEASED';
    s.released_at := v_at;
    s.released_by := r ->> 'by';
  elsif v_step = 'CANCEL_REQUESTED' then
    s.cancel_requested_at := coalesce(s.cancel_requested_at, v_at);
  elsif v_step = 'REFUNDING' and s.refund_status is null then
    s.refund_status := 'IN_PROGRESS';
    s.refund_reason := r ->> 'reason';
  elsif v_step = 'REFUNDED' and s.refund_status = 'IN_PROGRESS' then
    s.refund_status := r ->> 'status';
    s.refunded_at := v_at;
    if s.refund_status = 'COMPLETED' then
      s.state := 'REFUNDED';
    end if;
  elsif v_step = 'EXITED' and s.state = 'RELEASED' then
    s.state := 'EXITED';
    s.exited_at := (r ->> 'exitedAt')::timestamptz;
  elsif v_step = 'OVERSTAYED' and s.state = 'RELEASED' then
    s.state := 'OVERSTAYED';
    s.exited_at := (r ->> 'exitedAt')::timestamptz;
  end if;
  if r -> 'answer' is not null then
    -- The first answer of the operator's own server is its acknowledgement.
    if r -> 'answer' ->> 'source' in ('SERVER', 'CONFIRMATION') and s.operator_outcome is null then
      s.operator_outcome := r -> 'answer' ->> 'outcome';
      s.operator_answered_at := v_at;
    end if;
    insert into parking_answer (settlement_ref, answer_id, source, outcome, is_obeyed, detail, said_at)
    values (s.settlement_ref, r -> 'answer' ->> 'id', r -> 'answer' ->> 'source', r -> 'answer' ->> 'outcome',
            (r -> 'answer' ->> 'isObeyed')::boolean, r -> 'answer' ->> 'detail', v_at)
    on conflict (settlement_ref, answer_id) do update
       set is_obeyed = excluded.is_obeyed, detail = excluded.detail where parking_answer.is_obeyed is null;
  end if;
  if s is distinct from v_before then
    update parking_settlement set
      state = s.state, decline_code = s.decline_code, paid_at = s.paid_at, operator_answered_at = s.operator_answered_at,
      operator_outcome = s.operator_outcome, released_at = s.released_at, released_by = s.released_by,
      cancel_requested_at = s.cancel_requested_at, exited_at = s.exited_at, refund_status = s.refund_status,
      refund_reason = s.refund_reason, refunded_at = s.refunded_at
     where settlement_ref = s.settlement_ref;
  end if;
  if s.state <> v_before.state and s.state <> 'RELEASE_REQUESTED' then
    perform parking_tell(
      s, 'parking.' || case when v_before.state = 'PAYING' then 'decided' else lower(s.state) end, v_at);
  end if;
  return parking_outcome(s, s.state = v_before.state);
end $$;

-- What the operator's server says on its own: {operatorId, ref, eventId, outcome, at}. Kept under its event id; the workflow
-- looks at it when it is woken or has nothing else. Answers {kind: 'kept' | 'mismatch', view, settlementId, userId}, or null
-- for a settlement that is not this operator's.
create or replace function parking_confirm(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  s parking_settlement;
  v_answer parking_answer;
  v_is_over boolean;
begin
  select * into s from parking_settlement
   where settlement_ref = r ->> 'ref' and operator_id = r ->> 'operatorId' and state not in ('PAYING', 'DECLINED');
  if not found then
    return null;
  end if;
  -- After the end nobody looks at it any more.
  v_is_over := not parking_needs_workflow(s, (r ->> 'at')::timestamptz);
  insert into parking_answer (settlement_ref, answer_id, source, outcome, is_obeyed, detail, said_at)
  values (s.settlement_ref, 'event:' || (r ->> 'eventId'), 'CONFIRMATION', r ->> 'outcome',
          case when v_is_over then false end, case when v_is_over then 'it came after the end: ' || s.state end,
          (r ->> 'at')::timestamptz)
  on conflict do nothing;
  select * into strict v_answer from parking_answer
   where settlement_ref = s.settlement_ref and answer_id = 'event:' || (r ->> 'eventId');
  return json_build_object(
    'kind', case when v_answer.outcome = r ->> 'outcome' then 'kept' else 'mismatch' end,
    'view', parking_settlement_view(s), 'userId', s.user_id, 'settlementId', s.settlement_id);
end $$;
