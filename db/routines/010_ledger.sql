-- The ledger's verbs. Each is idempotent by the id its caller chose; the triggers of 0001_ledger.sql are the last word.

-- Posts a transfer. Answers true if it posted now, false if the same transfer had been posted before; another transfer
-- under the same id is an error. Guarded accounts are locked in the order of their ids, so two transfers cannot
-- wait for each other.
create or replace function ledger_post(
  p_transfer_id text, p_kind text, p_currency text, p_at timestamptz,
  p_accounts text[], p_amounts bigint[], p_reverses text default null
) returns boolean language plpgsql set enable_seqscan = off as $$
declare
  v_same boolean;
begin
  insert into transfer (transfer_id, kind, currency, reverses, posted_at)
  values (p_transfer_id, p_kind, p_currency, p_reverses, p_at)
  on conflict (transfer_id) do nothing;
  if not found then
    select t.kind = p_kind and t.currency = p_currency and
           (select array_agg(e.account_id || ' ' || e.amount order by e.account_id, e.amount)
              from entry e where e.transfer_id = p_transfer_id)
           = (select array_agg(a || ' ' || n order by a, n) from unnest(p_accounts, p_amounts) as want(a, n))
      into v_same from transfer t where t.transfer_id = p_transfer_id;
    if not v_same then
      raise exception 'LEDGER_ID_REUSED: transfer % was posted with other contents', p_transfer_id
        using errcode = 'unique_violation';
    end if;
    return false;
  end if;
  perform 1 from balance where account_id = any (p_accounts) order by account_id for update;
  insert into entry (transfer_id, account_id, amount, posted_at)
  select p_transfer_id, a, n, p_at from unnest(p_accounts, p_amounts) as e(a, n);
  return true;
end $$;

-- Reserves an amount. HELD, or INSUFFICIENT_FUNDS with nothing written. Asking again under the same id answers HELD.
create or replace function ledger_authorise(p_hold_id text, p_account_id text, p_amount bigint, p_at timestamptz)
returns text language plpgsql set enable_seqscan = off as $$
declare
  v_available bigint;
  v_hold hold;
begin
  select posted - held into v_available from balance where account_id = p_account_id for update;
  if not found then
    raise exception 'LEDGER_ACCOUNT: % cannot hold', p_account_id using errcode = 'foreign_key_violation';
  end if;
  select * into v_hold from hold where hold_id = p_hold_id;
  if found then
    if v_hold.account_id <> p_account_id or v_hold.amount <> p_amount then
      raise exception 'LEDGER_ID_REUSED: hold % has other contents', p_hold_id using errcode = 'unique_violation';
    end if;
    return v_hold.status;
  end if;
  if v_available < p_amount then
    return 'INSUFFICIENT_FUNDS';
  end if;
  insert into hold (hold_id, account_id, amount, created_at) values (p_hold_id, p_account_id, p_amount, p_at);
  return 'HELD';
end $$;

-- Turns a hold into a transfer of at most its amount to another account and releases the rest. Answers the hold's
-- state after the call: CAPTURED, or VOIDED if it had been released before.
create or replace function ledger_capture(
  p_hold_id text, p_transfer_id text, p_kind text, p_to_account text, p_amount bigint, p_at timestamptz
) returns text language plpgsql set enable_seqscan = off as $$
declare
  v_hold hold;
  v_currency text;
begin
  if p_amount <= 0 then
    raise exception 'LEDGER_HOLD: % cannot be captured for %', p_hold_id, p_amount using errcode = 'check_violation';
  end if;
  select * into v_hold from hold where hold_id = p_hold_id for update;
  if not found then
    raise exception 'LEDGER_HOLD: % is unknown', p_hold_id using errcode = 'no_data_found';
  end if;
  if v_hold.status = 'CAPTURED' and (v_hold.captured_by <> p_transfer_id or not exists (
       select 1 from entry
        where transfer_id = p_transfer_id and account_id = p_to_account and amount = p_amount)) then
    raise exception 'LEDGER_HOLD: % was captured in another way', p_hold_id using errcode = 'unique_violation';
  end if;
  if v_hold.status <> 'HELD' then
    return v_hold.status;
  end if;
  if p_amount > v_hold.amount then
    raise exception 'LEDGER_HOLD: % holds less than %', p_hold_id, p_amount using errcode = 'check_violation';
  end if;
  select currency into v_currency from account where account_id = v_hold.account_id;
  insert into transfer (transfer_id, kind, currency, posted_at) values (p_transfer_id, p_kind, v_currency, p_at);
  update hold set status = 'CAPTURED', captured_by = p_transfer_id, closed_at = p_at where hold_id = p_hold_id;
  insert into entry (transfer_id, account_id, amount, posted_at)
  values (p_transfer_id, v_hold.account_id, -p_amount, p_at), (p_transfer_id, p_to_account, p_amount, p_at);
  return 'CAPTURED';
end $$;

-- Releases a hold. Answers the hold's state after the call: VOIDED, or CAPTURED if it was too late.
create or replace function ledger_void(p_hold_id text, p_at timestamptz) returns text language plpgsql set enable_seqscan = off as $$
declare
  v_status text;
begin
  select status into v_status from hold where hold_id = p_hold_id for update;
  if not found then
    raise exception 'LEDGER_HOLD: % is unknown', p_hold_id using errcode = 'no_data_found';
  end if;
  if v_status = 'HELD' then
    update hold set status = 'VOIDED', closed_at = p_at where hold_id = p_hold_id;
    return 'VOIDED';
  end if;
  return v_status;
end $$;

-- Plans are kept for a session's life, and one that began on empty tables would keep reading whole ones
-- (docs/adr/0002). The triggers of 0001_ledger.sql plan on their own, the deferred one outside of any routine.
alter function post_entries() set enable_seqscan = off;
alter function transfer_has_entries() set enable_seqscan = off;
alter function apply_hold() set enable_seqscan = off;
