-- Records a phone's journal and reconciles the payments it speaks of, in one transaction:
-- {results: [{entryId, outcome, payment?}], told: [{merchantId, merchantPaymentId, reconciliation}], userId}.
--
-- An entry that names a payment confirms it (MATCHED). A payment whose whole 30 s step lies in the time the journal covers
-- and that no journal of the device names was made by somebody else: DISPUTED, and its key is revoked at once. What was
-- UNCONFIRMED at the deadline is judged the same when a journal comes after it; its workflow is over, so what is disputed then is told
-- with the order that starts it again. What is DISPUTED waits for a person, who sees that an entry came late.
create or replace function journal_record(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'receivedAt')::timestamptz;
  v_device_id text := r ->> 'deviceId';
  v_user_id text := r ->> 'userId';
  v_from timestamptz := (r ->> 'coversFrom')::timestamptz;
  v_to timestamptz := least((r ->> 'coversTo')::timestamptz, v_at);
  v_entry jsonb;
  v_known journal_entry;
  v_payment payment;
  v_digests bytea[];
  v_outcome text;
  v_before text;
  v_results json[] := '{}';
  v_told json[] := '{}';
begin
  -- The locks of a decision in its order: keys, then the payer's row. One journal at a time, and none beside a decision.
  perform 1 from offline_key where device_id = v_device_id order by handle for update;
  perform 1 from app_user where user_id = v_user_id for update;
  insert into journal (journal_id, device_id, covers_from, covers_to, received_at, named, is_whole)
  select r ->> 'journalId', v_device_id, v_from, greatest(v_from, v_to), v_at,
         array(select unnest(code_digests(e)) from jsonb_array_elements(r -> 'entries') e),
         not exists (select 1 from jsonb_array_elements(r -> 'entries') e where e ->> 'codeDigest' is null)
  on conflict (journal_id) do nothing;

  for v_entry in select * from jsonb_array_elements(r -> 'entries') loop
    v_digests := code_digests(v_entry);
    v_payment := null;
    v_outcome := 'INVALID';
    select * into v_known from journal_entry where device_id = v_device_id and entry_id = v_entry ->> 'entryId';
    if v_digests <> '{}' and (v_entry ->> 'isValid')::boolean and (v_known.code_digest is null or v_known.code_digest = any (v_digests))
       and exists (select 1 from offline_key k where k.handle = v_entry ->> 'offlineHandle' and k.device_id = v_device_id) then
      select * into v_payment from payment p
       where p.code_digest = any (v_digests) and p.device_id = v_device_id and p.offline_step is not null
       order by (p.transfer_id is not null) desc, (p.status = 'IN_PROGRESS') desc, p.requested_at limit 1;
      v_outcome := case
        when v_payment.transfer_id is not null then 'MATCHED'
        when v_payment.status = 'IN_PROGRESS' then 'PENDING'
        when v_payment.payment_id is not null then 'NOT_USED'
        when (v_entry ->> 'usableUntil')::timestamptz > v_at then 'PENDING'
        else 'NOT_USED' end;
      insert into journal_entry (device_id, entry_id, journal_id, code_digest, displayed_at, clock_offset_ms, outcome, payment_id)
      values (v_device_id, v_entry ->> 'entryId', r ->> 'journalId', coalesce(v_payment.code_digest, v_digests[1]), (v_entry ->> 'displayedAt')::timestamptz,
              (v_entry ->> 'clockOffsetMs')::bigint, v_outcome, v_payment.payment_id)
      on conflict (device_id, entry_id) do update set outcome = excluded.outcome, payment_id = excluded.payment_id;
      if v_outcome = 'MATCHED' and v_payment.reconciliation in ('PENDING', 'UNCONFIRMED') then
        update payment set reconciliation = 'MATCHED', reconciled_at = v_at
         where payment_id = v_payment.payment_id returning * into v_payment;
        perform payment_tell_reconciled(v_payment, v_at);
        v_told := v_told || payment_told(v_payment);
      elsif v_outcome = 'MATCHED' and v_payment.reconciliation = 'MATCHED' and v_payment.reconciled_at > v_at - interval '10 minutes' then
        -- The answer of the first time may have been lost.
        v_told := v_told || payment_told(v_payment);
      elsif v_outcome = 'MATCHED' and v_payment.reconciliation = 'DISPUTED' then
        update payment set dispute = (coalesce(dispute, '{}')::jsonb || jsonb_build_object('entryCameAt', rfc3339(v_at)))::json
         where payment_id = v_payment.payment_id returning * into v_payment;
        v_told := v_told || json_build_object('merchantId', v_payment.merchant_id,
          'merchantPaymentId', v_payment.merchant_payment_id, 'reconciliation', 'DISPUTED', 'entryCameAt', rfc3339(v_at));
      end if;
    end if;
    v_results := v_results || json_strip_nulls(json_build_object('entryId', v_entry ->> 'entryId', 'outcome', v_outcome,
      'payment', case when v_payment.payment_id is not null then payment_view(v_payment) end));
  end loop;

  for v_payment in
    select p.* from payment p
     where p.payer_id = v_user_id and p.code_mode = 'OFFLINE' and p.device_id = v_device_id
       and p.reconciliation in ('PENDING', 'UNCONFIRMED') order by p.payment_id for update
  loop
    v_before := v_payment.reconciliation;
    v_payment := payment_meet_journal(v_payment, v_at);
    if v_payment.reconciliation <> v_before then
      v_told := v_told || payment_told(v_payment);
    end if;
  end loop;
  for v_payment in
    select p.* from payment p
     where p.device_id = v_device_id and p.reconciliation = 'DISPUTED' and p.reconciled_at < v_at
  loop
    -- By this journal, whose answer of the first time may have been lost; or by one of before.
    v_told := v_told || case when v_payment.dispute ->> 'journalId' = r ->> 'journalId' then payment_told(v_payment)
                             else (payment_told(v_payment)::jsonb || '{"isStanding": true}')::json end;
  end loop;
  return json_build_object('results', array_to_json(v_results), 'told', array_to_json(v_told), 'userId', v_user_id);
end $$;

-- Tells the payer what has become of an offline payment, as it reconciles: the receipt that the phone could not show when
-- it paid.
create or replace function payment_tell_reconciled(p payment, p_at timestamptz) returns void language plpgsql set enable_seqscan = off as $$
begin
  insert into user_event (user_id, seq, kind, payload, created_at)
  values (p.payer_id, payer_lock(p.payer_id), 'payment.' || lower(p.reconciliation), payment_view(p), p_at);
end $$;

-- What starts a payment's workflow again.
create or replace function payment_order(p payment) returns json language sql stable as $$
  select json_strip_nulls(json_build_object(
    'paymentId', p.payment_id, 'merchantId', p.merchant_id, 'merchantPaymentId', p.merchant_payment_id,
    'storeId', p.store_id, 'terminalId', p.terminal_id, 'receiptNumber', p.receipt_number, 'amount', p.amount,
    'currency', p.currency, 'acceptSimilar', true, 'codeMode', p.code_mode, 'offlineHandle', p.offline_handle,
    'codeDigest', encode(p.code_digest, 'hex'), 'requestHash', p.request_hash, 'attemptId', p.attempt_id))
$$;

-- What a payment's workflow is to be told; of a dispute also what starts it again, if it is over.
create or replace function payment_told(p payment) returns json language sql stable as $$
  select json_strip_nulls(json_build_object(
    'merchantId', p.merchant_id, 'merchantPaymentId', p.merchant_payment_id, 'reconciliation', p.reconciliation,
    'order', case when p.reconciliation = 'DISPUTED' then payment_order(p) end))
$$;

-- How an offline payment stands, what a dispute has given back, and the issuer who is to hear of that.
create or replace function payment_reconciled(p payment) returns json language sql stable as $$
  select json_build_object(
    'view', payment_view(p), 'userId', p.payer_id, 'dispute', p.dispute,
    'refunded', coalesce((select amount from refund where refund_id = 'ref_dispute_' || p.payment_id), 0),
    'credit', case when p.issuer_id is not null
                   then json_build_object('issuerId', p.issuer_id, 'accountRef', p.account_ref) end)
$$;

-- How an offline payment stands; past its deadline one that no journal has named becomes UNCONFIRMED.
create or replace function payment_reconcile(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'at')::timestamptz;
  v_payment payment := payment_locked(r);
begin
  -- A journal holds these two locks and not the payment's: what it has written is read after them.
  perform 1 from offline_key where handle = v_payment.offline_handle for update;
  perform 1 from app_user where user_id = v_payment.payer_id for update;
  select * into strict v_payment from payment where payment_id = v_payment.payment_id;
  v_payment := payment_meet_journal(v_payment, v_at);
  if v_payment.reconciliation = 'PENDING' and v_payment.reconcile_until <= v_at then
    update payment set reconciliation = 'UNCONFIRMED', reconciled_at = v_at
     where payment_id = v_payment.payment_id returning * into v_payment;
    perform payment_tell_reconciled(v_payment, v_at);
  end if;
  return payment_reconciled(v_payment);
end $$;

-- A person's word on a disputed payment, once: ACCEPT leaves the money where it is, REFUND gives back what has not been
-- given back, at Kessai's cost, for the merchant followed the rules (docs/adr/0008).
create or replace function payment_dispute_resolve(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'at')::timestamptz;
  v_payment payment := payment_locked(r);
  v_left bigint := 0;
  v_refund_id text := 'ref_dispute_' || v_payment.payment_id;
  v_event_seq bigint;
begin
  if v_payment.reconciliation = 'DISPUTED' then
    v_event_seq := payer_lock(v_payment.payer_id);
    if r ->> 'action' = 'REFUND' and v_payment.status = 'COMPLETED' then
      v_left := payment_remaining(v_payment);
    end if;
    if v_left > 0 then
      perform ledger_post(
        'refund:' || v_refund_id, 'DISPUTE_REFUND', v_payment.currency, v_at,
        array['system:dispute-loss:' || v_payment.currency, payment_source_account(v_payment)], array[-v_left, v_left]);
      insert into refund (refund_id, kind, merchant_id, payment_id, merchant_payment_id, status, amount, currency, reason,
                          funding_source, transfer_id, request_hash, attempt_id, requested_at, decided_at)
      values (v_refund_id, 'DISPUTE', v_payment.merchant_id, v_payment.payment_id, v_payment.merchant_payment_id, 'COMPLETED',
              v_left, v_payment.currency, r ->> 'reason', v_payment.funding_source, 'refund:' || v_refund_id,
              v_refund_id, v_refund_id, v_at, v_at);
    end if;
    update payment
       set reconciliation = 'RESOLVED', reconciled_at = v_at, refunded_amount = refunded_amount + v_left,
           status = case when refunded_amount + v_left = amount then 'REFUNDED' else status end,
           dispute = (coalesce(dispute, '{}')::jsonb || jsonb_build_object('operator', r ->> 'operator', 'action', r ->> 'action',
             'reason', r ->> 'reason', 'resolvedAt', rfc3339(v_at), 'refunded', v_left))::json
     where payment_id = v_payment.payment_id returning * into v_payment;
    insert into user_event (user_id, seq, kind, payload, created_at)
    values (v_payment.payer_id, v_event_seq, 'payment.resolved', payment_view(v_payment), v_at);
  end if;
  return payment_reconciled(v_payment);
end $$;
