-- All that is said and decided about one debt happens one after the other: send and settle cannot overtake each other, and
-- one of two ends comes first. This lock comes before the user's row.
create or replace function debt_lock(p_issuer_id text, p_debt_id text) returns void language sql as $$
  select pg_advisory_xact_lock(hashtextextended(p_issuer_id || '/' || p_debt_id, 9))
$$;

-- What is left to pay: early and double-counted payments never make it negative.
create or replace function debt_remaining(d debt) returns bigint language sql stable as $$
  select greatest(0, d.amount - coalesce(sum(r.amount), 0))::bigint
    from repayment r where r.issuer_id = d.issuer_id and r.debt_id = d.debt_id
$$;

-- A message that was opened; one that a phone has at least shown; one of which nothing was heard.
create or replace function message_signal(m debt_message) returns text language sql immutable parallel safe as $$
  select case when m.opened_at is not null then 'OPENED' when m.displayed_at is not null then 'UNOPENED' else 'NO_SIGNAL' end
$$;

-- Whether a user had browsers that took push messages and the push services know none of them any more.
create or replace function push_all_gone(p_user_id text) returns boolean language sql stable as $$
  select exists (select 1 from push_subscription s where s.user_id = p_user_id and s.gone_reason = 'GONE')
     and not exists (select 1 from push_subscription s where s.user_id = p_user_id and s.gone_at is null)
$$;

-- So many messages in a row without any sign from a phone that the issuer is told (domain/dunning, raisesNoSignalFlag); and as soon
-- as the push services say that none of the user's browsers is there any more, until one gives a sign again.
create or replace function debt_no_signal(d debt) returns boolean language sql stable as $$
  select (count(*) = (d.policy ->> 'noSignalFlagAfter')::int or (count(*) > 0 and push_all_gone(d.user_id)))
     and bool_and(signal = 'NO_SIGNAL' or (no > 1 and push_all_gone(d.user_id)))
    from (select message_signal(m) as signal, row_number() over (order by m.contact_no desc) as no from debt_message m
           where m.issuer_id = d.issuer_id and m.debt_id = d.debt_id
           order by m.contact_no desc limit (d.policy ->> 'noSignalFlagAfter')::int) last
$$;

-- The one place that says what a debt looks like from outside.
create or replace function debt_view(d debt) returns json language sql stable as $$
  select json_strip_nulls(json_build_object(
    'debtId', d.debt_id,
    'userId', d.user_id,
    'state', d.state,
    'amount', d.amount,
    'remainingAmount', debt_remaining(d),
    'currency', d.currency,
    'dueOn', d.due_on,
    'revision', d.revision,
    'policyVersion', d.policy_version,
    'contacts', (select coalesce(json_agg(json_build_object(
        'messageId', m.message_id, 'sentAt', rfc3339(m.sent_at), 'channel', m.channel, 'stage', m.stage,
        'displayedAt', rfc3339(m.displayed_at), 'openedAt', rfc3339(m.opened_at), 'signal', message_signal(m))
        order by m.contact_no), '[]'::json)
      from debt_message m where m.issuer_id = d.issuer_id and m.debt_id = d.debt_id),
    'deferrals', (select coalesce(json_agg(json_build_object('reason', f.reason, 'until', rfc3339(f.until_at))
        order by f.contact_no, f.decided_at, f.until_at), '[]'::json)
      from debt_deferral f where f.issuer_id = d.issuer_id and f.debt_id = d.debt_id),
    'hold', case when d.hold_until is not null and d.closed_at is null
                 then json_build_object('reason', d.hold_reason, 'until', rfc3339(d.hold_until)) end,
    'promise', (select json_build_object('payOn', p.pay_on, 'paymentsStopped', p.payments_stopped,
                                         'promisedAt', rfc3339(p.promised_at))
      from debt_promise p where p.issuer_id = d.issuer_id and p.debt_id = d.debt_id and p.replaced_at is null),
    'paymentNotices', (select case when count(*) > 0 then
        json_build_object('count', count(*), 'lastAt', rfc3339(max(n.noticed_at))) end
      from debt_notice n where n.issuer_id = d.issuer_id and n.debt_id = d.debt_id),
    'nextContact', case when d.next_at is not null and d.closed_at is null
                        then json_build_object('at', rfc3339(d.next_at), 'reason', d.next_reason) end,
    'noSignal', case when debt_no_signal(d) then true end,
    'closedAt', rfc3339(d.closed_at),
    'outcome', case when d.closed_at is not null then d.state end))
$$;

create or replace function debt_event_id(d debt) returns text language sql immutable as $$
  select 'evt_debt_' || md5(d.issuer_id || '/' || d.debt_id) || '_closed'
$$;

-- What callers need around the view. A workflow has something to do while the debt is open or its end is not told.
create or replace function debt_outcome(d debt, p_result text) returns json language sql stable as $$
  select json_build_object('result', p_result, 'view', debt_view(d),
    'wake', d.closed_at is null or exists (
      select 1 from webhook_event e where e.event_id = debt_event_id(d) and e.status = 'PENDING'))
$$;

create or replace function debt_log_add(d debt, p_kind text, p_actor text, p_detail json, p_at timestamptz) returns void
language sql as $$
  insert into debt_log (issuer_id, debt_id, kind, actor, detail, at)
  values (d.issuer_id, d.debt_id, p_kind, p_actor, p_detail, p_at)
$$;

-- Ends an open debt and tells its issuer, in one transaction and under the debt's lock: so there is one end.
create or replace function debt_close(d debt, p_state text, p_actor text, p_at timestamptz) returns debt
language plpgsql set enable_seqscan = off as $$
begin
  update debt set state = p_state, closed_at = p_at, next_at = null, next_reason = null
   where issuer_id = d.issuer_id and debt_id = d.debt_id and closed_at is null returning * into strict d;
  perform debt_log_add(d, 'CLOSED', p_actor, json_build_object('outcome', p_state), p_at);
  insert into webhook_event (event_id, owner_kind, owner_id, type, body, created_at)
  select debt_event_id(d), 'ISSUER', d.issuer_id, 'debt.closed', debt_view(d)::text, p_at
    from issuer i where i.issuer_id = d.issuer_id;
  return d;
end $$;

-- Tells the issuer, once for each row of messages without a sign, that a debt's user cannot be reached.
create or replace function debt_tell_no_signal(d debt, p_at timestamptz) returns void language plpgsql set enable_seqscan = off as $$
begin
  if not debt_no_signal(d) then
    return;
  end if;
  insert into webhook_event (event_id, owner_kind, owner_id, type, body, created_at, is_start_due)
  select 'evt_debt_' || md5(d.issuer_id || '/' || d.debt_id) || '_no_signal_' || (
           select coalesce(max(m.contact_no) filter (where message_signal(m) <> 'NO_SIGNAL'), 0) + 1 from debt_message m
            where m.issuer_id = d.issuer_id and m.debt_id = d.debt_id),
         'ISSUER', d.issuer_id, 'debt.no_signal', debt_view(d)::text, p_at, true
    from issuer i where i.issuer_id = d.issuer_id
  on conflict do nothing;
end $$;

-- Registers or amends: CREATED, AMENDED, SAME, IGNORED (a lower revision), or why nothing was changed: MISMATCH (this revision
-- with another body), FIXED (another user or currency), CLOSED, UNKNOWN_USER.
create or replace function debt_put(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'at')::timestamptz;
  v_debt debt;
  v_result text := 'AMENDED';
begin
  perform debt_lock(r ->> 'issuerId', r ->> 'debtId');
  select * into v_debt from debt where issuer_id = r ->> 'issuerId' and debt_id = r ->> 'debtId';
  if not found then
    if not exists (select 1 from app_user where user_id = r ->> 'userId') then
      return json_build_object('result', 'UNKNOWN_USER', 'view', null, 'wake', false);
    end if;
    insert into debt (issuer_id, debt_id, user_id, amount, currency, due_on, revision, request_hash, policy_version, policy, registered_at)
    select r ->> 'issuerId', r ->> 'debtId', r ->> 'userId', (r ->> 'amount')::bigint, r ->> 'currency', (r ->> 'dueOn')::date,
           (r ->> 'revision')::bigint, r ->> 'requestHash', p.policy ->> 'version', p.policy, v_at
      from (select coalesce(
              (select own.policy::jsonb from dunning_policy own where own.issuer_id = r ->> 'issuerId' order by own.version desc limit 1),
              r -> 'policy') as policy) p
    returning * into v_debt;
    v_result := 'CREATED';
  elsif (r ->> 'revision')::bigint < v_debt.revision then
    return debt_outcome(v_debt, 'IGNORED');
  elsif (r ->> 'revision')::bigint = v_debt.revision then
    return debt_outcome(v_debt, case when v_debt.request_hash = r ->> 'requestHash' then 'SAME' else 'MISMATCH' end);
  elsif v_debt.closed_at is not null then
    return debt_outcome(v_debt, 'CLOSED');
  elsif v_debt.user_id <> r ->> 'userId' or v_debt.currency <> r ->> 'currency' then
    return debt_outcome(v_debt, 'FIXED');
  else
    update debt set amount = (r ->> 'amount')::bigint, due_on = (r ->> 'dueOn')::date, revision = (r ->> 'revision')::bigint,
                    request_hash = r ->> 'requestHash'
     where issuer_id = v_debt.issuer_id and debt_id = v_debt.debt_id returning * into v_debt;
  end if;
  perform debt_log_add(v_debt, v_result, 'issuer',
    json_build_object('amount', v_debt.amount, 'dueOn', v_debt.due_on, 'revision', v_debt.revision), v_at);
  if debt_remaining(v_debt) = 0 then
    v_debt := debt_close(v_debt, 'SETTLED', 'issuer', v_at);
  end if;
  return debt_outcome(v_debt, v_result);
end $$;

-- Books what was paid: BOOKED, SAME, MISMATCH (this id with another body), or WAITING for a debt that is not registered yet.
-- The last payment settles the debt here and now, so that no message goes out after it.
create or replace function debt_repay(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'at')::timestamptz;
  v_debt debt;
  v_hash text;
  v_is_registered boolean;
  v_told text;
begin
  perform debt_lock(r ->> 'issuerId', r ->> 'debtId');
  v_told := repayment_told(repayment_find(r ->> 'issuerId', r ->> 'debtId', r ->> 'repaymentId'), (r ->> 'amount')::bigint, v_at);
  if v_told = 'MISMATCH' then
    return json_build_object('result', 'MISMATCH', 'view', null, 'wake', false);
  end if;
  select * into v_debt from debt where issuer_id = r ->> 'issuerId' and debt_id = r ->> 'debtId';
  v_is_registered := found;
  if v_told is not null then
    return (debt_outcome(v_debt, v_told)::jsonb || jsonb_build_object('ofWallet', v_told = 'BOOKED'))::json;
  end if;
  select request_hash into v_hash from repayment
   where issuer_id = r ->> 'issuerId' and debt_id = r ->> 'debtId' and repayment_id = r ->> 'repaymentId';
  if found and v_hash <> r ->> 'requestHash' then
    return json_build_object('result', 'MISMATCH', 'view', null, 'wake', false);
  end if;
  if v_hash is null then
    insert into repayment (issuer_id, debt_id, repayment_id, amount, paid_at, received_at, request_hash)
    values (r ->> 'issuerId', r ->> 'debtId', r ->> 'repaymentId', (r ->> 'amount')::bigint, (r ->> 'paidAt')::timestamptz,
            v_at, r ->> 'requestHash');
  end if;
  if not v_is_registered then
    return json_build_object('result', case when v_hash is null then 'WAITING' else 'WAITING_SAME' end, 'view', null, 'wake', false);
  end if;
  if v_hash is null and v_debt.closed_at is null and debt_remaining(v_debt) = 0 then
    v_debt := debt_close(v_debt, 'SETTLED', 'issuer', v_at);
  end if;
  return debt_outcome(v_debt, case when v_hash is null then 'BOOKED' else 'SAME' end);
end $$;

-- What an issuer or an operator says of an open debt: WITHDRAW, HOLD, RELEASE or PROMISE. DONE, SAME if it is so already, CLOSED
-- if it has ended otherwise, UNKNOWN.
create or replace function debt_say(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'at')::timestamptz;
  v_debt debt;
  v_kind text := r ->> 'kind';
begin
  perform debt_lock(r ->> 'issuerId', r ->> 'debtId');
  select * into v_debt from debt where issuer_id = r ->> 'issuerId' and debt_id = r ->> 'debtId';
  if not found then
    return json_build_object('result', 'UNKNOWN', 'view', null, 'wake', false);
  end if;
  if v_debt.closed_at is not null then
    return debt_outcome(v_debt, case when v_kind = 'WITHDRAW' and v_debt.state = 'WITHDRAWN' then 'SAME' else 'CLOSED' end);
  end if;
  case v_kind
    when 'WITHDRAW' then
      v_debt := debt_close(v_debt, 'WITHDRAWN', r ->> 'actor', v_at);
    when 'HOLD' then
      if v_debt.hold_until = (r ->> 'until')::timestamptz and v_debt.hold_reason = r ->> 'reason' then
        return debt_outcome(v_debt, 'SAME');
      end if;
      update debt set hold_until = (r ->> 'until')::timestamptz, hold_reason = r ->> 'reason',
                      state = case when (r ->> 'until')::timestamptz > v_at then 'ON_HOLD' else state end
       where issuer_id = v_debt.issuer_id and debt_id = v_debt.debt_id returning * into v_debt;
    when 'RELEASE' then
      if v_debt.hold_until is null then
        return debt_outcome(v_debt, 'SAME');
      end if;
      update debt set hold_until = null, hold_reason = null, state = debt_plain_state(v_debt)
       where issuer_id = v_debt.issuer_id and debt_id = v_debt.debt_id returning * into v_debt;
    when 'PROMISE' then
      if exists (select 1 from debt_promise p
                  where p.issuer_id = v_debt.issuer_id and p.debt_id = v_debt.debt_id and p.replaced_at is null
                    and p.pay_on is not distinct from (r ->> 'payOn')::date
                    and p.payments_stopped = (r ->> 'paymentsStopped')::boolean) then
        return debt_outcome(v_debt, 'SAME');
      end if;
      update debt_promise set replaced_at = v_at
       where issuer_id = v_debt.issuer_id and debt_id = v_debt.debt_id and replaced_at is null;
      insert into debt_promise (issuer_id, debt_id, pay_on, payments_stopped, promised_at)
      values (v_debt.issuer_id, v_debt.debt_id, (r ->> 'payOn')::date, (r ->> 'paymentsStopped')::boolean, v_at);
  end case;
  perform debt_log_add(v_debt, v_kind, r ->> 'actor', json_strip_nulls(json_build_object('reason', r ->> 'reason',
    'until', r ->> 'until', 'payOn', r ->> 'payOn', 'paymentsStopped', (r ->> 'paymentsStopped')::boolean)), v_at);
  return debt_outcome(v_debt, 'DONE');
end $$;

-- Where a debt stands that nothing holds off.
create or replace function debt_plain_state(d debt) returns text language sql stable as $$
  select case when exists (select 1 from debt_message m where m.issuer_id = d.issuer_id and m.debt_id = d.debt_id)
              then 'CONTACTED' else 'SCHEDULED' end
$$;

create or replace function epoch_ms(p_at timestamptz) returns bigint language sql immutable parallel safe as $$
  select floor(extract(epoch from p_at) * 1000)::bigint
$$;

-- When the phone's clock may be believed to have seen something: not before it was sent nor after it was told.
create or replace function message_seen_at(m debt_message, p_at timestamptz, p_received timestamptz) returns timestamptz
language sql immutable parallel safe as $$
  select greatest(m.sent_at, least(p_at, p_received))
$$;

-- When one of a debt's messages was opened last, for the first time or again.
create or replace function debt_last_opened(p_issuer_id text, p_debt_id text) returns timestamptz language sql stable as $$
  select max(message_seen_at(m, e.at, e.received_at)) from debt_message m join message_event e using (message_id)
   where m.issuer_id = p_issuer_id and m.debt_id = p_debt_id and e.type = 'OPENED'
$$;

-- Takes the debt's lock and tells what the rules decide by (DebtFacts in db/debt.ts). The lock is held until the transaction ends:
-- what is decided by it is still so when it is carried out.
create or replace function debt_facts(p_issuer_id text, p_debt_id text) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_debt debt;
begin
  perform debt_lock(p_issuer_id, p_debt_id);
  select * into v_debt from debt where issuer_id = p_issuer_id and debt_id = p_debt_id;
  if not found then
    return null;
  end if;
  return (select json_build_object(
    'state', v_debt.state, 'isClosed', v_debt.closed_at is not null, 'userId', v_debt.user_id, 'locale', u.locale, 'timeZone', u.time_zone,
    'remaining', debt_remaining(v_debt), 'currency', v_debt.currency, 'dueOn', v_debt.due_on, 'policy', v_debt.policy,
    'lastStage', v_debt.last_stage, 'registeredMs', epoch_ms(v_debt.registered_at), 'holdUntilMs', epoch_ms(v_debt.hold_until),
    'sentMs', (select coalesce(json_agg(epoch_ms(m.sent_at) order by m.contact_no), '[]'::json) from debt_message m
                where m.issuer_id = p_issuer_id and m.debt_id = p_debt_id),
    'lastOpenedMs', epoch_ms(debt_last_opened(p_issuer_id, p_debt_id)),
    'noticedMs', (select coalesce(json_agg(epoch_ms(n.noticed_at)), '[]'::json) from (
        select noticed_at from debt_notice
         where issuer_id = p_issuer_id and debt_id = p_debt_id and noticed_at > coalesce(
           (select max(m.sent_at) from debt_message m where m.issuer_id = p_issuer_id and m.debt_id = p_debt_id), '-infinity')
         order by noticed_at desc limit 100) n),
    'promises', (select coalesce(json_agg(json_build_object('promisedMs', epoch_ms(p.promised_at), 'payOn', p.pay_on,
        'paymentsStopped', p.payments_stopped, 'replacedMs', epoch_ms(p.replaced_at)) order by p.promise_id), '[]'::json)
      from debt_promise p where p.issuer_id = p_issuer_id and p.debt_id = p_debt_id),
    'repayingSinceMs', (select min(epoch_ms(w.requested_at)) from wallet_repayment w
                         where w.issuer_id = p_issuer_id and w.debt_id = p_debt_id and w.status = 'IN_PROGRESS'),
    'paidMs', (select coalesce(json_agg(epoch_ms(q.received_at)), '[]'::json) from repayment q
                where q.issuer_id = p_issuer_id and q.debt_id = p_debt_id),
    'webhookEventId', (select e.event_id from webhook_event e where e.event_id = debt_event_id(v_debt) and e.status = 'PENDING'))
    from app_user u where u.user_id = v_debt.user_id);
end $$;

-- Carries out what the rules decided by `debt_facts`, in the same transaction: a message, or the end, and what comes next.
-- Answers the event of the end, if there is one, and whether the message is to be pushed.
create or replace function debt_advance(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'at')::timestamptz;
  v_debt debt;
  v_message debt_message;
  v_contact_no integer;
begin
  select * into strict v_debt from debt where issuer_id = r ->> 'issuerId' and debt_id = r ->> 'debtId';
  select coalesce(max(contact_no), 0) into v_contact_no from debt_message
   where issuer_id = v_debt.issuer_id and debt_id = v_debt.debt_id;
  -- As each had its pause to give a sign in.
  if r -> 'message' is not null or r ->> 'isExhausted' = 'true' then
    perform debt_tell_no_signal(v_debt, v_at);
  end if;
  if r -> 'message' is not null then
    v_contact_no := v_contact_no + 1;
    insert into debt_message (message_id, issuer_id, debt_id, contact_no, user_id, stage, channel, title, body, link, sent_at,
                              push_body, push_topic, push_until, push_status)
    values (r -> 'message' ->> 'messageId', v_debt.issuer_id, v_debt.debt_id, v_contact_no, v_debt.user_id,
            (r -> 'message' ->> 'stage')::int, 'INBOX', r -> 'message' ->> 'title', r -> 'message' ->> 'body',
            r -> 'message' ->> 'link', v_at,
            r -> 'message' ->> 'pushBody', r -> 'message' ->> 'pushTopic', (r -> 'message' ->> 'pushUntil')::timestamptz,
            case when push_reaches(v_debt.user_id) then 'DUE' end)
    returning * into strict v_message;
    insert into user_event (user_id, seq, kind, payload, created_at)
    values (v_debt.user_id, payer_lock(v_debt.user_id), 'message.created', message_view(v_message), v_at);
    update debt set last_stage = v_message.stage where issuer_id = v_debt.issuer_id and debt_id = v_debt.debt_id;
  end if;
  if r ->> 'isExhausted' = 'true' then
    v_debt := debt_close(v_debt, 'EXHAUSTED', 'campaign', v_at);
    -- None where the issuer has no address.
    return json_build_object('webhookEventId', (select event_id from webhook_event where event_id = debt_event_id(v_debt)),
                             'isPushDue', false);
  end if;
  update debt set state = r ->> 'state', next_at = (r ->> 'nextAt')::timestamptz, next_reason = r ->> 'nextReason'
   where issuer_id = v_debt.issuer_id and debt_id = v_debt.debt_id;
  insert into debt_deferral (issuer_id, debt_id, contact_no, reason, until_at, decided_at)
  select v_debt.issuer_id, v_debt.debt_id, v_contact_no + 1, f ->> 'reason', (f ->> 'until')::timestamptz, v_at
    from jsonb_array_elements(r -> 'deferrals') f
  on conflict do nothing;
  return json_build_object('webhookEventId', null, 'isPushDue', coalesce(v_message.push_status = 'DUE', false));
end $$;

-- What a message looks like in the inbox.
create or replace function message_view(m debt_message) returns json language sql stable as $$
  select json_strip_nulls(json_build_object(
    'messageId', m.message_id, 'kind', m.kind, 'paymentId', m.payment_id, 'title', m.title, 'body', m.body, 'link', m.link, 'debtId', m.debt_id,
    'debtState', (select d.state from debt d where d.issuer_id = m.issuer_id and d.debt_id = m.debt_id),
    'createdAt', rfc3339(m.sent_at), 'displayedAt', rfc3339(m.displayed_at), 'openedAt', rfc3339(m.opened_at)))
$$;

create or replace function message_debt_is_open(m debt_message) returns boolean language sql stable as $$
  select exists (select 1 from debt d where d.issuer_id = m.issuer_id and d.debt_id = m.debt_id and d.closed_at is null)
$$;

-- What a phone says of a message: NEW, SAME, MISMATCH (this id with another body) or UNKNOWN.
create or replace function message_heard(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_received timestamptz := (r ->> 'receivedAt')::timestamptz;
  v_message debt_message;
  v_known message_event;
  v_at timestamptz;
  v_last_opened timestamptz;
begin
  select * into v_message from debt_message where message_id = r ->> 'messageId' and user_id = r ->> 'userId';
  if not found then
    return json_build_object('result', 'UNKNOWN');
  end if;
  perform debt_lock(v_message.issuer_id, v_message.debt_id);
  select * into strict v_message from debt_message where message_id = r ->> 'messageId' for update;
  v_last_opened := debt_last_opened(v_message.issuer_id, v_message.debt_id);
  select * into v_known from message_event where message_id = v_message.message_id and event_id = r ->> 'eventId';
  if found then
    return json_build_object('view', message_view(v_message), 'issuerId', v_message.issuer_id, 'debtId', v_message.debt_id,
      -- The request before it may have died before it woke the campaign.
      'wake', v_known.type = 'OPENED' and message_debt_is_open(v_message),
      'result', case when v_known.type = r ->> 'type' and v_known.at = (r ->> 'at')::timestamptz then 'SAME' else 'MISMATCH' end);
  end if;
  insert into message_event (message_id, event_id, type, at, received_at, device_id)
  values (v_message.message_id, r ->> 'eventId', r ->> 'type', (r ->> 'at')::timestamptz, v_received, r ->> 'deviceId');
  v_at := message_seen_at(v_message, (r ->> 'at')::timestamptz, v_received);
  update debt_message set displayed_at = least(displayed_at, v_at),
                          opened_at = case when r ->> 'type' = 'OPENED' then least(opened_at, v_at) else opened_at end
   where message_id = v_message.message_id returning * into strict v_message;
  return json_build_object('result', 'NEW', 'view', message_view(v_message),
    'issuerId', v_message.issuer_id, 'debtId', v_message.debt_id,
    -- Nobody is woken by what makes the pause no longer than it is.
    'wake', r ->> 'type' = 'OPENED' and message_debt_is_open(v_message) and exists (
      select 1 from debt_message m where m.issuer_id = v_message.issuer_id and m.debt_id = v_message.debt_id
         and m.sent_at >= coalesce(v_last_opened, '-infinity')));
end $$;
