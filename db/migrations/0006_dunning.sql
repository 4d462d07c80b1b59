-- Up Migration

alter table webhook_event drop constraint webhook_event_owner_kind_check;
alter table webhook_event add constraint webhook_event_owner_kind_check check (owner_kind in ('MERCHANT', 'ISSUER'));

-- What a user owes an issuer, by the issuer's own id, and how the campaign that reminds of it stands. The policy is the one it began with.
create table debt (
  issuer_id text not null,
  debt_id text not null,
  user_id text not null references app_user,
  amount bigint not null check (amount >= 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  due_on date not null,
  revision bigint not null check (revision >= 0),
  -- Of the body of this revision.
  request_hash text not null,
  policy_version text not null,
  policy json not null,
  state text not null default 'SCHEDULED'
    check (state in ('SCHEDULED', 'CONTACTED', 'ON_HOLD', 'PROMISED', 'REPAYING', 'SETTLED', 'WITHDRAWN', 'EXHAUSTED')),
  hold_until timestamptz,
  hold_reason text,
  registered_at timestamptz not null,
  -- What its workflow waits for, as it last worked it out.
  next_at timestamptz,
  next_reason text,
  last_stage integer,
  closed_at timestamptz,
  check ((closed_at is not null) = (state in ('SETTLED', 'WITHDRAWN', 'EXHAUSTED'))),
  check ((hold_until is null) = (hold_reason is null)),
  primary key (issuer_id, debt_id)
);
create index debt_by_user on debt (user_id, debt_id, registered_at desc);
create index debt_open on debt (next_at) where closed_at is null;

-- No foreign key to debt: a repayment may be told before the debt is registered, and is waiting then.
create table repayment (
  issuer_id text not null,
  debt_id text not null,
  repayment_id text not null,
  amount bigint not null check (amount > 0),
  paid_at timestamptz not null,
  received_at timestamptz not null,
  request_hash text not null,
  primary key (issuer_id, debt_id, repayment_id)
);
create trigger repayment_append_only before update or delete on repayment for each row execute function refuse_change();
create trigger repayment_no_truncate before truncate on repayment for each statement execute function refuse_change();

create table debt_promise (
  promise_id bigint generated always as identity primary key,
  issuer_id text not null,
  debt_id text not null,
  pay_on date,
  payments_stopped boolean not null,
  promised_at timestamptz not null,
  replaced_at timestamptz,
  foreign key (issuer_id, debt_id) references debt
);
create unique index debt_promise_current on debt_promise (issuer_id, debt_id) where replaced_at is null;
create index debt_promise_by_debt on debt_promise (issuer_id, debt_id, promise_id);

-- The inbox. One row a contact, so that no contact is made twice.
create table debt_message (
  message_id text primary key,
  issuer_id text not null,
  debt_id text not null,
  contact_no integer not null check (contact_no >= 1),
  user_id text not null references app_user,
  stage integer not null,
  channel text not null check (channel in ('PUSH', 'INBOX')),
  title text not null,
  body text not null,
  link text not null,
  sent_at timestamptz not null,
  displayed_at timestamptz,
  opened_at timestamptz,
  unique (issuer_id, debt_id, contact_no),
  foreign key (issuer_id, debt_id) references debt
);
create index debt_message_by_user on debt_message (user_id, sent_at desc, message_id desc);
create trigger debt_message_no_delete before delete on debt_message for each row execute function refuse_change();

create table message_event (
  message_id text not null references debt_message,
  event_id text not null,
  type text not null check (type in ('DISPLAYED', 'OPENED', 'DISMISSED')),
  at timestamptz not null,
  received_at timestamptz not null,
  device_id text not null,
  primary key (message_id, event_id)
);
create trigger message_event_append_only before update or delete on message_event for each row execute function refuse_change();

-- Each move of a contact to a later moment, and why.
create table debt_deferral (
  issuer_id text not null,
  debt_id text not null,
  contact_no integer not null,
  reason text not null,
  until_at timestamptz not null,
  decided_at timestamptz not null,
  primary key (issuer_id, debt_id, contact_no, reason, until_at)
);
create trigger debt_deferral_append_only before update or delete on debt_deferral for each row execute function refuse_change();

-- Who did what to a debt, and why: the issuer, an operator by name, or the campaign itself.
create table debt_log (
  log_id bigint generated always as identity primary key,
  issuer_id text not null,
  debt_id text not null,
  kind text not null,
  actor text not null,
  detail json,
  at timestamptz not null
);
create index debt_log_by_debt on debt_log (issuer_id, debt_id, log_id);
create trigger debt_log_append_only before update or delete on debt_log for each row execute function refuse_change();
