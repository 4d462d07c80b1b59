-- The moment at which a day begins in a zone. Where clocks are set back over midnight, midnight comes twice and the first
-- one counts; where they are set forward over it, or a day is left out whole, it is the moment of the change. So the days
-- of a zone have neither gaps nor overlaps.
create or replace function local_day_start(p_day date, p_time_zone text) returns timestamptz
language sql stable parallel safe as $$
  select coalesce(min(t), p_day::timestamp at time zone p_time_zone)
    from unnest(array[interval '0', interval '30 minutes', interval '1 hour', interval '2 hours']) as earlier,
         lateral (select (p_day::timestamp at time zone p_time_zone) - earlier as t) c
   where t at time zone p_time_zone = p_day::timestamp
$$;
