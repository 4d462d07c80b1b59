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
