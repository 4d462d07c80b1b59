-- Up Migration

-- How long before a reminder the one before it went out (domain/dunning/summary.ts). Kept with each, as figures ask it of every message
-- there is: to put a million of them in order takes half a minute.
create function cadence_of(p_since interval) returns text language sql immutable parallel safe as $$
  select case when p_since is null then 'FIRST' when p_since <= interval '25 hours' then 'TO_24H' when p_since <= interval '49 hours' then 'TO_48H'
              when p_since <= interval '97 hours' then 'TO_96H' else 'OVER_96H' end
$$;
alter table debt_message add column cadence text check (cadence in ('FIRST', 'TO_24H', 'TO_48H', 'TO_96H', 'OVER_96H'));
update debt_message m set cadence = cadence_of(c.since)
  from (select message_id, sent_at - lag(sent_at) over (partition by issuer_id, debt_id order by contact_no) as since
          from debt_message where kind = 'DUNNING') c
 where m.message_id = c.message_id;

create function debt_message_set_cadence() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  new.cadence := cadence_of(new.sent_at - (
    select m.sent_at from debt_message m where m.issuer_id = new.issuer_id and m.debt_id = new.debt_id and m.contact_no < new.contact_no
     order by m.contact_no desc limit 1));
  return new;
end $$;
create trigger debt_message_cadence before insert on debt_message for each row when (new.kind = 'DUNNING')
  execute function debt_message_set_cadence();
