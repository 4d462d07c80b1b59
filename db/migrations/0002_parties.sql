-- Up Migration

create table merchant (
  merchant_id text primary key,
  name text not null,
  time_zone text not null,
  currency text not null,
  webhook_url text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table store (
  merchant_id text not null references merchant,
  store_id text not null,
  name text not null,
  primary key (merchant_id, store_id)
);

create table terminal (
  merchant_id text not null,
  store_id text not null,
  terminal_id text not null,
  primary key (merchant_id, store_id, terminal_id),
  foreign key (merchant_id, store_id) references store on delete cascade
);

-- `event_seq` numbers a user's events without gaps; raising it is also the lock under which everything about one
-- payer is decided.
create table app_user (
  user_id text primary key,
  display_name text not null,
  locale text not null,
  time_zone text not null,
  status text not null default 'ACTIVE' check (status in ('ACTIVE', 'SUSPENDED')),
  event_seq bigint not null default 0,
  request_hash text not null,
  created_at timestamptz not null default now()
);

create table device (
  device_id text primary key,
  user_id text not null references app_user,
  name text not null,
  replaces_device_id text references device,
  created_at timestamptz not null default now()
);
create index device_by_user on device (user_id);

create table enrolment (
  code_digest bytea primary key,
  user_id text not null references app_user,
  expires_at timestamptz not null,
  used_at timestamptz,
  device_id text references device
);

-- Keys and device tokens: only a SHA-256 of 256 random bits is kept.
create table api_key (
  key_id text primary key,
  key_hash bytea not null unique,
  role text not null check (role in ('admin', 'merchant', 'device', 'issuer', 'parking', 'service')),
  tenant_id text not null,
  device_id text references device,
  name text not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  check ((role = 'device') = (device_id is not null))
);

create table user_event (
  user_id text not null references app_user,
  seq bigint not null,
  kind text not null,
  payload json not null,
  created_at timestamptz not null,
  primary key (user_id, seq)
);
