-- Up Migration

-- Double-entry ledger. Amounts are integer minor units; a positive entry raises what Kessai owes the account's
-- holder, so a user's balance and a merchant's payable are positive and the funding account is negative.
-- What must always be true is enforced here, not in the programs: entries of a transfer sum to zero, nothing posted
-- is ever changed, a guarded account never falls below what is held on it.

create table account (
  account_id text primary key,
  kind text not null check (kind in ('USER', 'MERCHANT', 'SYSTEM')),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  created_at timestamptz not null default now()
);

-- Accounts that may not be overdrawn have a row here. Merchant and system accounts have none: their balance is the
-- sum of their entries, so no till ever waits for another one's lock on the merchant.
create table balance (
  account_id text primary key references account,
  posted bigint not null default 0,
  held bigint not null default 0 check (held >= 0),
  constraint balance_covers_holds check (posted - held >= 0)
);

create table transfer (
  transfer_id text primary key,
  kind text not null check (kind in ('TOP_UP', 'PAYMENT', 'PAYMENT_CANCEL')),
  currency text not null,
  reverses text references transfer,
  posted_at timestamptz not null,
  check ((kind = 'PAYMENT_CANCEL') = (reverses is not null))
);
create unique index transfer_canceled_once on transfer (reverses) where kind = 'PAYMENT_CANCEL';

-- No foreign key to account: it would take a key-share lock on the merchant's row in every payment. The trigger below
-- checks the account instead, and accounts are never deleted.
create table entry (
  entry_id bigint generated always as identity primary key,
  transfer_id text not null references transfer,
  account_id text not null,
  amount bigint not null check (amount <> 0),
  posted_at timestamptz not null
);
create index entry_by_transfer on entry (transfer_id);
create index entry_by_account on entry (account_id, entry_id) include (amount);

create table hold (
  hold_id text primary key,
  account_id text not null references balance,
  amount bigint not null check (amount > 0),
  status text not null default 'HELD' check (status in ('HELD', 'CAPTURED', 'VOIDED')),
  captured_by text references transfer,
  created_at timestamptz not null,
  closed_at timestamptz,
  check ((status = 'HELD') = (closed_at is null)),
  check ((status = 'CAPTURED') = (captured_by is not null))
);
create index hold_open on hold (account_id) where status = 'HELD';

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'LEDGER_APPEND_ONLY: % on % is refused', tg_op, tg_table_name using errcode = 'restrict_violation';
end $$;

create trigger account_append_only before update or delete on account for each row execute function refuse_change();
create trigger account_no_truncate before truncate on account for each statement execute function refuse_change();
create trigger transfer_append_only before update or delete on transfer for each row execute function refuse_change();
create trigger transfer_no_truncate before truncate on transfer for each statement execute function refuse_change();
create trigger entry_append_only before update or delete on entry for each row execute function refuse_change();
create trigger entry_no_truncate before truncate on entry for each statement execute function refuse_change();
create trigger balance_no_delete before delete on balance for each row execute function refuse_change();
create trigger balance_no_truncate before truncate on balance for each statement execute function refuse_change();
create trigger hold_no_delete before delete on hold for each row execute function refuse_change();
create trigger hold_no_truncate before truncate on hold for each statement execute function refuse_change();

-- One statement posts all entries of a transfer and nothing is added to it later, so each statement must sum to zero,
-- and so does the whole table.
create function post_entries() returns trigger language plpgsql as $$
declare
  v_bad text;
begin
  select transfer_id into v_bad from added group by transfer_id having sum(amount) <> 0 limit 1;
  if found then
    raise exception 'LEDGER_NOT_ZERO_SUM: transfer %', v_bad using errcode = 'integrity_constraint_violation';
  end if;
  select a.transfer_id into v_bad
    from (select transfer_id, count(*) as n from added group by transfer_id) a
   where a.n <> (select count(*) from entry e where e.transfer_id = a.transfer_id) limit 1;
  if found then
    raise exception 'LEDGER_APPEND_ONLY: transfer % has been posted', v_bad using errcode = 'restrict_violation';
  end if;
  select e.account_id into v_bad
    from added e
    join transfer t using (transfer_id)
    left join account a on a.account_id = e.account_id
   where a.currency is distinct from t.currency limit 1;
  if found then
    raise exception 'LEDGER_ACCOUNT: % is unknown or of another currency', v_bad
      using errcode = 'integrity_constraint_violation';
  end if;
  update balance b set posted = b.posted + s.amount
    from (select account_id, sum(amount) as amount from added group by account_id) s
   where b.account_id = s.account_id;
  return null;
end $$;
create trigger entry_post after insert on entry
  referencing new table as added for each statement execute function post_entries();

-- A transfer without entries moves nothing and hides a mistake; the check waits for the end of the transaction.
create function transfer_has_entries() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from entry where transfer_id = new.transfer_id) then
    raise exception 'LEDGER_EMPTY_TRANSFER: %', new.transfer_id using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end $$;
create constraint trigger transfer_not_empty after insert on transfer
  deferrable initially deferred for each row execute function transfer_has_entries();

create function apply_hold() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.status <> 'HELD' then
      raise exception 'LEDGER_HOLD: a hold begins as HELD' using errcode = 'integrity_constraint_violation';
    end if;
    update balance set held = held + new.amount where account_id = new.account_id;
  else
    if old.status <> 'HELD' or new.status = 'HELD' or new.amount <> old.amount
       or new.account_id <> old.account_id or new.hold_id <> old.hold_id or new.created_at <> old.created_at then
      raise exception 'LEDGER_HOLD: % is % and only closes once', old.hold_id, old.status
        using errcode = 'restrict_violation';
    end if;
    update balance set held = held - old.amount where account_id = old.account_id;
  end if;
  return null;
end $$;
create trigger hold_apply after insert or update on hold for each row execute function apply_hold();

-- Balances move by entries and holds only: depth 1 is somebody's own update, depth 2 one of the triggers above.
create function guard_balance() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.posted <> 0 or new.held <> 0 then
      raise exception 'LEDGER_BALANCE: an account opens at zero' using errcode = 'restrict_violation';
    end if;
  elsif pg_trigger_depth() < 2 then
    raise exception 'LEDGER_BALANCE: balances change through entries and holds only' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger balance_guard before insert or update on balance for each row execute function guard_balance();

insert into account (account_id, kind, currency) values ('system:funding:JPY', 'SYSTEM', 'JPY');
