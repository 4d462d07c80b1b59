-- What can be paid of a debt: repayments on their way to the issuer count like those it has accepted.
create or replace function debt_payable(d debt) returns bigint language sql stable as $$
  select greatest(0, debt_remaining(d) - coalesce(sum(w.amount), 0))::bigint
    from wallet_repayment w where w.issuer_id = d.issuer_id and w.debt_id = d.debt_id and w.status = 'IN_PROGRESS'
$$;

-- The id of its hold, its transfer and its operation at the issuer.
create or replace function repayment_key(w wallet_repayment) returns text language sql immutable as $$
  select 'repayment:' || w.issuer_id || ':' || w.debt_id || ':' || w.repayment_id
$$;

-- The one place that says what a repayment looks like from outside.
create or replace function repayment_view(w wallet_repayment) returns json language sql stable as $$
  select json_strip_nulls(json_build_object(
    'repaymentId', w.repayment_id, 'debtId', w.debt_id, 'status', w.status, 'failCode', w.fail_code, 'amount', w.amount,
    'currency', w.currency, 'requestedAt', rfc3339(w.requested_at), 'decidedAt', rfc3339(w.decided_at)))
$$;

-- What a workflow and the API need around the view. `wake`: the campaign has something to do about the debt.
create or replace function repayment_outcome(w wallet_repayment, p_replayed boolean) returns json language sql stable as $$
  select json_build_object(
    'view', repayment_view(w), 'issuerId', w.issuer_id, 'userId', w.user_id, 'requestHash', w.request_hash,
    'attemptId', w.attempt_id, 'replayed', p_replayed,
    'wake', d.closed_at is null or exists (
      select 1 from webhook_event e where e.event_id = debt_event_id(d) and e.status = 'PENDING'))
    from debt d where d.issuer_id = w.issuer_id and d.debt_id = w.debt_id
$$;

create or replace function repayment_find(p_issuer_id text, p_debt_id text, p_repayment_id text) returns wallet_repayment
language sql stable as $$
  select w from wallet_repayment w where issuer_id = p_issuer_id and debt_id = p_debt_id and repayment_id = p_repayment_id
$$;

-- Opens a break about a repayment, once.
create or replace function repayment_break_of(w wallet_repayment, p_class text, p_break_id text, p_detail text, p_at timestamptz)
returns void language sql as $$
  insert into reconciliation_break (break_id, class, counterpart, issuer_id, currency, day, reference, ours_amount, detail, opened_at)
  select p_break_id, p_class, 'ISSUER', w.issuer_id, w.currency, (w.requested_at at time zone i.time_zone)::date,
         repayment_key(w), w.amount, p_detail, p_at
    from issuer i where i.issuer_id = w.issuer_id
  on conflict do nothing
$$;

create or replace function repayment_break(w wallet_repayment, p_break_id text, p_detail text, p_at timestamptz) returns void
language sql as $$
  select repayment_break_of(w, 'unknown_outcome', p_break_id, p_detail, p_at)
$$;

create or replace function repayment_break_id(w wallet_repayment, p_kind text) returns text language sql immutable as $$
  select 'brk_' || md5(repayment_key(w) || '/' || p_kind)
$$;

-- Where the debt stands once nothing of it is on its way; the campaign, when woken, knows of promises too.
create or replace function debt_no_longer_repaying(w wallet_repayment, p_at timestamptz) returns void language sql as $$
  update debt d set state = case when hold_until > p_at then 'ON_HOLD' else debt_plain_state(d) end
   where issuer_id = w.issuer_id and debt_id = w.debt_id and state = 'REPAYING' and not exists (
     select 1 from wallet_repayment o
      where o.issuer_id = w.issuer_id and o.debt_id = w.debt_id and o.status = 'IN_PROGRESS')
$$;

-- Reserves what a user pays of a debt, or says why not: one call, one transaction (RepaymentOrder in domain/repayment). A refusal is kept
-- as FAILED: a repeat hears it for good.
create or replace function repayment_begin(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'decidedAt')::timestamptz;
  v_debt debt;
  v_it wallet_repayment;
  v_amount bigint;
  v_account text;
  v_fail text;
begin
  perform debt_lock(r ->> 'issuerId', r ->> 'debtId');
  select * into v_it from wallet_repayment
   where user_id = r ->> 'userId' and debt_id = r ->> 'debtId' and repayment_id = r ->> 'repaymentId';
  if found then
    return repayment_outcome(v_it, true);
  end if;
  select * into strict v_debt from debt
   where issuer_id = r ->> 'issuerId' and debt_id = r ->> 'debtId' and user_id = r ->> 'userId';
  v_amount := coalesce((r ->> 'amount')::bigint, debt_payable(v_debt));
  v_account := 'user:' || v_debt.user_id || ':' || v_debt.currency;
  v_fail := case
    when v_debt.state in ('SETTLED', 'WITHDRAWN') then 'CONFLICT_STATE'
    when (select status from app_user where user_id = v_debt.user_id) <> 'ACTIVE' then 'ACCOUNT_SUSPENDED'
    when not exists (select 1 from issuer i join webhook_secret s on s.owner_kind = 'ISSUER' and s.owner_id = i.issuer_id
                      where i.issuer_id = v_debt.issuer_id and (s.expires_at is null or s.expires_at > v_at)) then 'REPAYMENT_NOT_OFFERED'
    when exists (select 1 from repayment q where q.issuer_id = v_debt.issuer_id and q.debt_id = v_debt.debt_id
                   and q.repayment_id = r ->> 'repaymentId') then 'REPAYMENT_ID_TAKEN'
    when v_amount = 0 or v_amount > debt_payable(v_debt) then 'REPAYMENT_EXCEEDS_REMAINING'
    when not exists (select 1 from balance where account_id = v_account) then 'CURRENCY_NOT_HELD' end;

  select v_debt.issuer_id, v_debt.debt_id, r ->> 'repaymentId' into v_it.issuer_id, v_it.debt_id, v_it.repayment_id;
  if v_fail is null and ledger_authorise(repayment_key(v_it), v_account, v_amount, v_at) <> 'HELD' then
    v_fail := 'INSUFFICIENT_FUNDS';
  end if;
  insert into wallet_repayment (
    issuer_id, debt_id, repayment_id, user_id, amount, currency, status, fail_code, hold_id, request_hash, attempt_id,
    requested_at, decided_at)
  values (
    v_debt.issuer_id, v_debt.debt_id, r ->> 'repaymentId', v_debt.user_id, v_amount, v_debt.currency,
    case when v_fail is null then 'IN_PROGRESS' else 'FAILED' end, v_fail,
    case when v_fail is null then repayment_key(v_it) end, r ->> 'requestHash', r ->> 'attemptId',
    (r ->> 'requestedAt')::timestamptz, case when v_fail is not null then v_at end)
  returning * into strict v_it;
  if v_fail is null then
    update debt set state = 'REPAYING'
     where issuer_id = v_debt.issuer_id and debt_id = v_debt.debt_id and closed_at is null returning * into v_debt;
    if found then
      perform debt_log_add(v_debt, 'REPAYING', 'user', json_build_object('repaymentId', v_it.repayment_id, 'amount', v_amount), v_at);
    end if;
  end if;
  return repayment_outcome(v_it, false);
end $$;

-- Moves the money of a repayment that the issuer has accepted, books it with the debt and tells the user. The caller holds the debt's lock.
-- What it settles ends here and now, so that no message goes out after it.
create or replace function repayment_complete(w wallet_repayment, p_at timestamptz) returns wallet_repayment
language plpgsql set enable_seqscan = off as $$
declare
  v_account text := 'repayment:' || w.issuer_id || ':' || w.currency;
  v_event_seq bigint := payer_lock(w.user_id);
  v_debt debt;
begin
  insert into account (account_id, kind, currency) values (v_account, 'ISSUER', w.currency) on conflict do nothing;
  if ledger_capture(w.hold_id, repayment_key(w), 'REPAYMENT', v_account, w.amount, p_at) <> 'CAPTURED' then
    raise exception 'LEDGER_HOLD: % was given back', w.hold_id using errcode = 'restrict_violation';
  end if;
  update wallet_repayment set status = 'COMPLETED', transfer_id = repayment_key(w), decided_at = p_at
   where issuer_id = w.issuer_id and debt_id = w.debt_id and repayment_id = w.repayment_id returning * into strict w;
  insert into repayment (issuer_id, debt_id, repayment_id, amount, paid_at, received_at, request_hash)
  values (w.issuer_id, w.debt_id, w.repayment_id, w.amount, w.requested_at, p_at, 'wallet');
  insert into user_event (user_id, seq, kind, payload, created_at)
  values (w.user_id, v_event_seq, 'repayment.decided', repayment_view(w), p_at);
  perform debt_no_longer_repaying(w, p_at);
  select * into strict v_debt from debt where issuer_id = w.issuer_id and debt_id = w.debt_id;
  if v_debt.closed_at is null and debt_remaining(v_debt) = 0 then
    perform debt_close(v_debt, 'SETTLED', 'user', p_at);
  end if;
  return w;
end $$;

-- Ends a repayment that was on its way to the issuer: COMPLETED, or FAILED with `failCode`, which gives the money free. What had been waiting
-- for an operator is closed with it. Asking again finds the first end; if that was another one, a break says so.
create or replace function repayment_finish(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'decidedAt')::timestamptz;
  v_it wallet_repayment;
  v_event_seq bigint;
begin
  perform debt_lock(r ->> 'issuerId', r ->> 'debtId');
  select * into strict v_it from wallet_repayment
   where issuer_id = r ->> 'issuerId' and debt_id = r ->> 'debtId' and repayment_id = r ->> 'repaymentId';
  if v_it.status <> 'IN_PROGRESS' then
    if v_it.status = 'COMPLETED' and r ->> 'failCode' is not null then
      perform repayment_break(v_it, repayment_break_id(v_it, 'contradicted'),
        format('The issuer told that it had this repayment, and the money was moved; then it was ended as %s (%s).',
               r ->> 'failCode', r ->> 'resolution'), v_at);
    end if;
  elsif r ->> 'failCode' is null then
    v_it := repayment_complete(v_it, v_at);
  else
    v_event_seq := payer_lock(v_it.user_id);
    if ledger_void(v_it.hold_id, v_at) <> 'VOIDED' then
      raise exception 'LEDGER_HOLD: % was captured', v_it.hold_id using errcode = 'restrict_violation';
    end if;
    update wallet_repayment set status = 'FAILED', fail_code = r ->> 'failCode', decided_at = v_at
     where issuer_id = v_it.issuer_id and debt_id = v_it.debt_id and repayment_id = v_it.repayment_id
    returning * into strict v_it;
    insert into user_event (user_id, seq, kind, payload, created_at)
    values (v_it.user_id, v_event_seq, 'repayment.decided', repayment_view(v_it), v_at);
    perform debt_no_longer_repaying(v_it, v_at);
  end if;
  update reconciliation_break
     set resolved_at = v_at, resolver = r ->> 'resolver', resolution = v_it.status || ': ' || (r ->> 'resolution')
   where break_id = repayment_break_id(v_it, 'unknown') and resolved_at is null;
  if r -> 'contradiction' is not null then
    perform repayment_break_of(v_it, r #>> '{contradiction,class}', repayment_break_id(v_it, 'word'),
      r #>> '{contradiction,detail}', v_at);
  end if;
  return repayment_outcome(v_it, false);
end $$;

-- Opens the break of a repayment whose outcome at the issuer could not be found out, once.
create or replace function repayment_give_up(r jsonb) returns void language sql as $$
  select repayment_break(w, repayment_break_id(w, 'unknown'), r ->> 'detail', (r ->> 'openedAt')::timestamptz)
    from repayment_find(r ->> 'issuerId', r ->> 'debtId', r ->> 'repaymentId') w where w.status = 'IN_PROGRESS'
$$;

-- What an issuer's word on a repayment means for one of the same id from the wallet: null if it is the issuer's own affair, else how
-- `debt_repay` answers it. An issuer that says it has the money has accepted it: as good as its answer to our call. If the money went
-- back to the user meanwhile, its word still counts for the debt, and a break says who is out of pocket.
create or replace function repayment_told(w wallet_repayment, p_amount bigint, p_at timestamptz) returns text
language plpgsql set enable_seqscan = off as $$
begin
  if w.status <> 'FAILED' and w.amount <> p_amount then
    return 'MISMATCH';
  elsif w.status = 'COMPLETED' then
    return 'SAME';
  elsif w.status = 'IN_PROGRESS' then
    perform repayment_complete(w, p_at);
    update reconciliation_break set resolved_at = p_at, resolver = 'issuer', resolution = 'COMPLETED: the issuer told of it'
     where break_id = repayment_break_id(w, 'unknown') and resolved_at is null;
    return 'BOOKED';
  elsif w.hold_id is not null then
    perform repayment_break(w, repayment_break_id(w, 'told-late'),
      format('The issuer tells of this repayment, of %s %s, which ended as %s: its money is back with the user.',
             p_amount, w.currency, w.fail_code), p_at);
  end if;
  return null;
end $$;
