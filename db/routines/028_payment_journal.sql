-- The digests of a code, under the pepper of today and the former ones. None for what is no code.
create or replace function code_digests(r jsonb) returns bytea[] language sql immutable parallel safe as $$
  select array(
    select decode(d, 'hex')
      from (select r ->> 'codeDigest' as d
            union all select jsonb_array_elements_text(coalesce(r -> 'olderCodeDigests', '[]'))) x
     where d is not null)
$$;

-- Holds an offline payment that waits for its journal, or has waited in vain, against the journals there are, whichever came first: the entry
-- confirms it; a whole journal that covers its whole 30 s step while none of the device names it disputes it, and its key is
-- revoked at once. The caller holds the payer's row.
create or replace function payment_meet_journal(p payment, p_at timestamptz) returns payment language plpgsql set enable_seqscan = off as $$
declare
  v_journal_id text;
begin
  if p.reconciliation is null or p.reconciliation not in ('PENDING', 'UNCONFIRMED') then
    return p;
  end if;
  if exists (select 1 from journal_entry e where e.code_digest = p.code_digest and e.device_id = p.device_id) then
    update journal_entry set outcome = 'MATCHED', payment_id = p.payment_id
     where code_digest = p.code_digest and device_id = p.device_id;
    update payment set reconciliation = 'MATCHED', reconciled_at = p_at where payment_id = p.payment_id returning * into p;
    perform payment_tell_reconciled(p, p_at);
    return p;
  end if;
  if exists (select 1 from journal j where j.device_id = p.device_id and p.code_digest = any (j.named)) then
    return p;
  end if;
  select j.journal_id into v_journal_id from journal j
   where j.device_id = p.device_id and j.is_whole
     and p.offline_step * 30 >= extract(epoch from j.covers_from) and (p.offline_step + 1) * 30 <= extract(epoch from j.covers_to)
   order by j.received_at desc limit 1;
  if found then
    update payment set reconciliation = 'DISPUTED', reconciled_at = p_at,
           dispute = json_build_object('journalId', v_journal_id, 'at', rfc3339(p_at))
     where payment_id = p.payment_id returning * into p;
    update offline_key set revoked_at = p_at, revoke_reason = 'DISPUTED' where handle = p.offline_handle and revoked_at is null;
    perform payment_tell_reconciled(p, p_at);
  end if;
  return p;
end $$;

-- The outcome of a decision made now: as it was decided, which is what a repeat hears, and whether a journal was there before.
create or replace function payment_decided(p payment, p_at timestamptz) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_met payment;
begin
  if p.reconciliation is null then
    return payment_outcome(p, false);
  end if;
  v_met := payment_meet_journal(p, p_at);
  return (payment_outcome(p, false)::jsonb || jsonb_build_object('journalCame', v_met.reconciliation <> 'PENDING'))::json;
end $$;
