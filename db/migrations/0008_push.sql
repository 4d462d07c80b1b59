-- Up Migration

-- Where a device takes push messages (RFC 8030). Endpoint and keys are sealed together: whoever has them can write to the
-- device. What has ended stays, so that it can be told why; of what lives there is one per id and one per endpoint.
create table push_subscription (
  push_id text primary key,
  device_id text not null references device,
  subscription_id text not null,
  user_id text not null references app_user,
  endpoint_digest bytea not null,
  -- Of endpoint and keys: says whether a repeat is the same.
  content_digest bytea not null,
  sealed bytea not null,
  show_amounts boolean not null,
  created_at timestamptz not null,
  gone_at timestamptz,
  gone_reason text check (gone_reason in ('DELETED', 'REPLACED', 'TAKEN_OVER', 'REVOKED', 'GONE')),
  check ((gone_at is null) = (gone_reason is null))
);
create unique index push_subscription_by_id on push_subscription (device_id, subscription_id) where gone_at is null;
create unique index push_subscription_by_endpoint on push_subscription (endpoint_digest) where gone_at is null;
create index push_subscription_live on push_subscription (user_id) where gone_at is null;
create index push_subscription_gone on push_subscription (user_id, gone_at) where gone_reason = 'GONE';

-- The inbox takes messages of all kinds; its name stays for the versions that run.
alter table debt_message
  add column kind text not null default 'DUNNING' check (kind in ('DUNNING', 'PAYMENT')),
  add column payment_id text references payment,
  -- The body as it may be seen on a lock screen: without amounts.
  add column push_body text,
  -- Of what a push service has not delivered yet, the latest of a topic takes the place of the others (RFC 8030 section 5.4).
  add column push_topic text check (push_topic ~ '^[A-Za-z0-9_-]{1,32}$'),
  add column push_until timestamptz,
  -- DUE: a `push` workflow is to bring it to the user's devices, and has not begun. Null: no device takes any.
  add column push_status text check (push_status in ('DUE', 'SENDING', 'ACCEPTED', 'FAILED', 'SUPERSEDED')),
  -- By the database's clock; `sent_at` is the workflow's.
  add column stored_at timestamptz not null default now(),
  alter column issuer_id drop not null,
  alter column debt_id drop not null,
  alter column contact_no drop not null,
  alter column stage drop not null,
  add constraint debt_message_of_kind check (
    case kind when 'DUNNING' then num_nulls(issuer_id, debt_id, contact_no, stage) = 0 and payment_id is null
              when 'PAYMENT' then num_nonnulls(issuer_id, debt_id, contact_no, stage) = 0 and payment_id is not null end),
  add constraint debt_message_push check (push_status is null or num_nulls(push_body, push_topic, push_until) = 0);
create index debt_message_push_due on debt_message (stored_at) where push_status = 'DUE';
create unique index debt_message_of_payment on debt_message (payment_id) where kind = 'PAYMENT';

-- One message on its way to one device.
create table push_delivery (
  message_id text not null references debt_message,
  push_id text not null references push_subscription,
  status text not null default 'PENDING' check (status in ('PENDING', 'ACCEPTED', 'GONE', 'REFUSED', 'EXPIRED', 'SUPERSEDED')),
  -- Whoever sends holds it so long: two tries at once are one.
  claimed_until timestamptz,
  -- The service found it too long before.
  is_short boolean not null default false,
  primary key (message_id, push_id)
);
create index push_delivery_by_subscription on push_delivery (push_id);

-- Every try, whatever came of it.
create table push_attempt (
  message_id text not null,
  push_id text not null,
  attempt_no integer not null,
  started_at timestamptz not null,
  duration_ms integer not null,
  status_code integer,
  outcome text not null,
  error text,
  primary key (message_id, push_id, attempt_no),
  foreign key (message_id, push_id) references push_delivery
);

-- Offline payments whose payer is to have the receipt by push. Written with the decision, taken away with the message.
create table payment_receipt_due (
  payment_id text primary key references payment,
  due_at timestamptz not null
);

create index debt_open_by_user on debt (user_id, due_on) where closed_at is null;

-- An issuer's own rules, each change a new version. A debt keeps the version that it was registered under, or moved to.
create table dunning_policy (
  issuer_id text not null,
  version integer not null check (version >= 1),
  policy json not null,
  request_hash text not null,
  created_at timestamptz not null,
  primary key (issuer_id, version)
);
create trigger dunning_policy_append_only before update or delete on dunning_policy for each row execute function refuse_change();
