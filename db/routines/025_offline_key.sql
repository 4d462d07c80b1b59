-- Until when a key serves: so long after its device last reached the server, and after its successor was issued, as the
-- device may never have heard of that one.
create or replace function offline_key_valid_until(k offline_key, p_freshness_ms bigint)
returns timestamptz language sql stable as $$
  select least(d.last_contact_at,
               (select min(n.issued_at) from offline_key n where n.device_id = k.device_id and n.issued_at > k.issued_at))
         + make_interval(secs => p_freshness_ms / 1000.0)
    from device d where d.device_id = k.device_id
$$;

-- How often a user has paid offline in the 24 hours and in the 30 days up to a moment. What was given back still counts.
create or replace function offline_payment_counts(p_payer_id text, p_at timestamptz, out in_24h int, out in_30d int)
language sql stable as $$
  select (count(*) filter (where coalesce(decided_at, requested_at) > p_at - interval '24 hours'))::int, count(*)::int
    from payment
   where payer_id = p_payer_id and code_mode = 'OFFLINE' and status in ('IN_PROGRESS', 'COMPLETED', 'REFUNDED')
     and coalesce(decided_at, requested_at) > p_at - interval '30 days'
$$;
