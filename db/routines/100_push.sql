-- Stores where a device takes push messages: CREATED, SAME, or TOO_MANY for the device. What had the same id at this device
-- ends with it, and so does what had the same endpoint at whatever device: a browser has one owner at a time.
create or replace function push_subscribe(r jsonb) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'at')::timestamptz;
  v_endpoint bytea := decode(r ->> 'endpointDigest', 'hex');
  v_known push_subscription;
begin
  -- One at a time per device, and per endpoint.
  perform 1 from device where device_id = r ->> 'deviceId' for no key update;
  perform pg_advisory_xact_lock(hashtextextended(r ->> 'endpointDigest', 8));
  select * into v_known from push_subscription
   where device_id = r ->> 'deviceId' and subscription_id = r ->> 'subscriptionId' and gone_at is null;
  if v_known.content_digest = decode(r ->> 'contentDigest', 'hex') and v_known.show_amounts = (r ->> 'showAmounts')::boolean then
    return json_build_object('result', 'SAME', 'createdAt', rfc3339(v_known.created_at));
  end if;
  if v_known.push_id is null and (
       select count(*) from push_subscription
        where device_id = r ->> 'deviceId' and gone_at is null and endpoint_digest <> v_endpoint) >= (r ->> 'limit')::int then
    return json_build_object('result', 'TOO_MANY');
  end if;
  update push_subscription set gone_at = v_at, gone_reason = 'REPLACED' where push_id = v_known.push_id;
  update push_subscription set gone_at = v_at, gone_reason = 'TAKEN_OVER' where endpoint_digest = v_endpoint and gone_at is null;
  insert into push_subscription (
    push_id, device_id, subscription_id, user_id, endpoint_digest, content_digest, sealed, show_amounts, created_at)
  values (r ->> 'pushId', r ->> 'deviceId', r ->> 'subscriptionId', r ->> 'userId', v_endpoint, decode(r ->> 'contentDigest', 'hex'),
          decode(r ->> 'sealed', 'hex'), (r ->> 'showAmounts')::boolean, v_at);
  return json_build_object('result', 'CREATED', 'createdAt', rfc3339(v_at));
end $$;

-- Whether a user has a browser that takes push messages.
create or replace function push_reaches(p_user_id text) returns boolean language sql stable as $$
  select exists (select 1 from push_subscription s where s.user_id = p_user_id and s.gone_at is null)
$$;

-- Why a message is to be pushed no further: its debt has ended, it was opened, a later one of its topic is there, or nothing.
create or replace function push_superseded(m debt_message) returns boolean language sql stable as $$
  select m.opened_at is not null
      or exists (select 1 from debt d where d.issuer_id = m.issuer_id and d.debt_id = m.debt_id and d.closed_at is not null)
      or exists (select 1 from debt_message later
                  where later.issuer_id = m.issuer_id and later.debt_id = m.debt_id and later.contact_no > m.contact_no)
$$;

-- Begins to push a message: the browsers it goes to, each once, however often it begins. Null if there is no such message.
create or replace function push_begin(p_message_id text) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_message debt_message;
begin
  select * into v_message from debt_message where message_id = p_message_id for update;
  if not found then
    return null;
  end if;
  if v_message.push_status = 'DUE' then
    insert into push_delivery (message_id, push_id)
    select v_message.message_id, s.push_id from push_subscription s where s.user_id = v_message.user_id and s.gone_at is null
    on conflict do nothing;
    update debt_message set push_status = 'SENDING' where message_id = p_message_id;
  end if;
  return json_build_object('until', rfc3339(v_message.push_until), 'pushIds', (
    select coalesce(json_agg(d.push_id order by d.push_id), '[]'::json) from push_delivery d
     where d.message_id = p_message_id and d.status = 'PENDING'));
end $$;

-- Takes a delivery for one try, for so long that nobody else sends meanwhile: SEND with all it takes, BUSY while another try has
-- it, or how it ended. Whether the message is still wanted is looked at here, right before it goes out.
create or replace function push_claim(p_message_id text, p_push_id text, p_at timestamptz, p_until timestamptz) returns json
language plpgsql set enable_seqscan = off as $$
declare
  v_delivery push_delivery;
  v_message debt_message;
  v_subscription push_subscription;
begin
  select * into strict v_delivery from push_delivery where message_id = p_message_id and push_id = p_push_id for update;
  if v_delivery.status <> 'PENDING' then
    return json_build_object('kind', 'DONE', 'status', v_delivery.status);
  end if;
  if v_delivery.claimed_until > p_at then
    return json_build_object('kind', 'BUSY', 'until', rfc3339(v_delivery.claimed_until));
  end if;
  select * into strict v_message from debt_message where message_id = p_message_id;
  select * into strict v_subscription from push_subscription where push_id = p_push_id;
  update push_delivery
     set claimed_until = p_until,
         status = case when v_subscription.gone_at is not null then 'GONE'
                       when push_superseded(v_message) then 'SUPERSEDED'
                       when v_message.push_until <= p_at then 'EXPIRED'
                       else 'PENDING' end
   where message_id = p_message_id and push_id = p_push_id returning * into v_delivery;
  if v_delivery.status <> 'PENDING' then
    return json_build_object('kind', 'DONE', 'status', v_delivery.status);
  end if;
  return json_build_object('kind', 'SEND', 'sealed', encode(v_subscription.sealed, 'hex'), 'showAmounts', v_subscription.show_amounts,
    'isShort', v_delivery.is_short, 'until', rfc3339(v_message.push_until),
    'triesDone', (select count(*) from push_attempt a where a.message_id = p_message_id and a.push_id = p_push_id),
    'message', json_build_object('messageId', v_message.message_id, 'kind', v_message.kind, 'title', v_message.title,
      'body', v_message.body, 'pushBody', v_message.push_body, 'link', v_message.link, 'topic', v_message.push_topic,
      'createdAt', rfc3339(v_message.sent_at)));
end $$;

-- Keeps a try with what came of it: RETRY and SHORTEN leave the delivery open, all else ends it; GONE ends the subscription, too.
-- A delivery that has ended stays as it ended, unless it is that a service has taken it after all.
create or replace function push_record(r jsonb) returns void language plpgsql set enable_seqscan = off as $$
declare
  v_at timestamptz := (r ->> 'startedAt')::timestamptz;
  v_outcome text := r ->> 'outcome';
begin
  perform 1 from push_delivery where message_id = r ->> 'messageId' and push_id = r ->> 'pushId' for update;
  insert into push_attempt (message_id, push_id, attempt_no, started_at, duration_ms, status_code, outcome, error)
  select r ->> 'messageId', r ->> 'pushId', coalesce(max(attempt_no), 0) + 1, v_at, (r ->> 'durationMs')::int,
         (r ->> 'statusCode')::int, v_outcome, r ->> 'error'
    from push_attempt where message_id = r ->> 'messageId' and push_id = r ->> 'pushId';
  update push_delivery
     set claimed_until = null, is_short = is_short or v_outcome = 'SHORTEN',
         status = case when v_outcome in ('RETRY', 'SHORTEN') then status else v_outcome end
   where message_id = r ->> 'messageId' and push_id = r ->> 'pushId' and (status = 'PENDING' or v_outcome = 'ACCEPTED');
  if v_outcome = 'GONE' then
    update push_subscription set gone_at = v_at, gone_reason = 'GONE' where push_id = r ->> 'pushId' and gone_at is null;
    -- It may have been the user's last.
    perform debt_tell_no_signal(d, v_at) from debt_message m join debt d on d.user_id = m.user_id and d.closed_at is null
      where m.message_id = r ->> 'messageId';
  elsif v_outcome = 'ACCEPTED' then
    update debt_message set channel = 'PUSH', push_status = 'ACCEPTED' where message_id = r ->> 'messageId';
  end if;
end $$;

-- Ends what has not ended: its time is over. Answers how the message fared; null if there is no such message.
create or replace function push_conclude(p_message_id text) returns text language plpgsql set enable_seqscan = off as $$
declare
  v_status text;
begin
  perform 1 from debt_message where message_id = p_message_id for update;
  update push_delivery set status = 'EXPIRED', claimed_until = null where message_id = p_message_id and status = 'PENDING';
  update debt_message
     set push_status = case
           when exists (select 1 from push_delivery where message_id = p_message_id and status = 'SUPERSEDED') then 'SUPERSEDED'
           else 'FAILED' end
   where message_id = p_message_id and push_status in ('DUE', 'SENDING');
  select push_status into v_status from debt_message where message_id = p_message_id;
  return v_status;
end $$;
