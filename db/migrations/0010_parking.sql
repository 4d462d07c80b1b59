-- Up Migration

-- Another company whose places users pay for through us.
create table parking_operator (
  operator_id text primary key,
  name text not null,
  time_zone text not null,
  -- Whose public holidays its rate tables mean; null: those of the time zone's country.
  holidays text,
  fee_source text not null check (fee_source in ('OPERATOR', 'KESSAI')),
  -- Whether our rate table may stand in while its server gives no fee.
  fallback_to_rate_table boolean not null default false,
  release text not null check (release in ('SERVER', 'OPERATOR_CONFIRM')),
  base_url text,
  invoice_number text,
  phone text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (fee_source <> 'OPERATOR' or base_url is not null)
);

-- Drivers name a place without its operator, so its id and its site code are one of a kind among all of them.
create table parking_place (
  place_id text primary key,
  operator_id text not null references parking_operator,
  kind text not null check (kind in ('PARKING', 'LOCKER', 'BICYCLE', 'ROOM')),
  name text not null,
  -- (longitude, latitude), WGS 84 degrees.
  position point not null
    check (position[0] between -180 and 180 and position[1] between -90 and 90),
  spaces text[] not null,
  site_code text not null unique,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index parking_place_by_position on parking_place using gist (position);
create index parking_place_by_operator on parking_place (operator_id, place_id);

-- Each rate table that a place has had; the one with the highest version is in force. Null: from then on it has none.
create table parking_rate_table (
  place_id text not null references parking_place,
  version integer not null check (version >= 1),
  rate_table json,
  content_hash text not null,
  valid_from timestamptz not null,
  primary key (place_id, version)
);
create trigger parking_rate_table_append_only before update or delete on parking_rate_table
  for each row execute function refuse_change();

-- One stay, by the operator's own id.
create table parking_session (
  operator_id text not null references parking_operator,
  session_id text not null,
  place_id text not null references parking_place,
  space text,
  credential text,
  started_at timestamptz not null,
  ended_at timestamptz check (ended_at >= started_at),
  -- The rate table in force at entry; it stays the session's, whatever comes after.
  rate_version integer,
  received_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (operator_id, session_id),
  foreign key (place_id, rate_version) references parking_rate_table
);
create index parking_session_open_by_space on parking_session (place_id, space, started_at desc)
  where ended_at is null and space is not null;
create index parking_session_open_by_credential on parking_session (place_id, credential, started_at desc)
  where ended_at is null and credential is not null;
