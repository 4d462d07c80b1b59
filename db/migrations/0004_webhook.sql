-- Up Migration

-- An event is written in the transaction of what it tells, with the body as it was then; a `webhookDelivery` workflow
-- brings it to its owner.
create table webhook_event (
  event_id text primary key,
  owner_kind text not null check (owner_kind in ('MERCHANT')),
  owner_id text not null,
  type text not null,
  body text not null,
  status text not null default 'PENDING' check (status in ('PENDING', 'DELIVERED', 'FAILED')),
  created_at timestamptz not null,
  delivered_at timestamptz
);
create index webhook_event_by_owner on webhook_event (owner_kind, owner_id, created_at desc, event_id desc);
create index webhook_event_open on webhook_event (created_at) where status <> 'DELIVERED';

create table webhook_attempt (
  event_id text not null references webhook_event,
  attempt_no integer not null,
  url text not null,
  started_at timestamptz not null,
  duration_ms integer not null,
  status_code integer,
  error text,
  primary key (event_id, attempt_no)
);

-- Sealed with KESSAI_DATA_KEY. While rotating, the old secret signs beside the new one until it expires.
create table webhook_secret (
  secret_id text primary key,
  owner_kind text not null check (owner_kind in ('MERCHANT')),
  owner_id text not null,
  sealed bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
create index webhook_secret_by_owner on webhook_secret (owner_kind, owner_id);
