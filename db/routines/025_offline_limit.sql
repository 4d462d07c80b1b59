-- How often a user has paid offline in the 24 hours and in the 30 days up to a moment. What was given back still counts.
create or replace function offline_payment_counts(p_payer_id text, p_at timestamptz, out in_24h int, out in_30d int)
language sql stable as $$
  select (count(*) filter (where requested_at > p_at - interval '24 hours'))::int, count(*)::int
    from payment
   where payer_id = p_payer_id and code_mode = 'OFFLINE' and status in ('IN_PROGRESS', 'COMPLETED', 'REFUNDED')
     and requested_at > p_at - interval '30 days'
$$;
