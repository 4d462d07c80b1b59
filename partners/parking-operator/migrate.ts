import type { Pool } from '../shared/database.ts';
import { migrateSchema } from '../shared/migrate.ts';
import { signingSecretTable } from '../shared/signature.ts';

/** Of the operator's tables. */
export const SCHEMA = 'parking_operator';

const MIGRATIONS: readonly string[] = [
  `
  create table parking_operator.place (
    place_id text primary key,
    name text not null,
    spaces text[] not null,
    tariff json not null,
    accepts_other_fees boolean not null
  );
  create table parking_operator.stay (
    session_id text primary key,
    place_id text not null references parking_operator.place,
    space text,
    credential text,
    started_at timestamptz not null,
    ended_at timestamptz,
    check (space is not null or credential is not null),
    check (ended_at >= started_at)
  );
  -- Who stands in a space and who holds a ticket is one car at a time.
  create unique index stay_in_space on parking_operator.stay (place_id, space) where ended_at is null;
  create unique index stay_by_credential on parking_operator.stay (place_id, credential) where ended_at is null;
  -- A fee that was told: good until then, also when the payment is heard of later.
  create table parking_operator.calculation (
    session_id text not null references parking_operator.stay,
    amount bigint not null check (amount >= 0),
    valid_until timestamptz not null
  );
  create index calculation_by_stay on parking_operator.calculation (session_id);
  -- What was taken for a stay, at the machine or by Kessai; the driver must be out by exit_by.
  create table parking_operator.payment (
    payment_id text primary key,
    session_id text not null references parking_operator.stay,
    payer text not null check (payer in ('MACHINE', 'KESSAI')),
    amount bigint not null check (amount >= 0),
    paid_at timestamptz not null,
    exit_by timestamptz not null,
    canceled_at timestamptz
  );
  create index payment_by_stay on parking_operator.payment (session_id);
  -- A request under its id with its answer, for good: the first outcome stands. A cancellation that came first leaves a row
  -- without a request: a tombstone.
  create table parking_operator.answered (
    kind text not null check (kind in ('COMPLETION', 'MACHINE')),
    request_id text not null,
    request json,
    answer json,
    canceled_at timestamptz,
    primary key (kind, request_id),
    check (request is not null or canceled_at is not null)
  );
  -- Each time that a flap or a barrier went down for a stay.
  create table parking_operator.opening (
    opening_id bigint generated always as identity primary key,
    session_id text not null references parking_operator.stay,
    cause text not null check (cause in ('MACHINE', 'KESSAI', 'STAFF', 'EXIT')),
    payment_id text,
    opened_at timestamptz not null,
    -- Shut before its time.
    shut_at timestamptz
  );
  create index opening_by_stay on parking_operator.opening (session_id);
  -- What Kessai is to hear, one after another for a subject.
  create table parking_operator.message (
    message_id bigint generated always as identity primary key,
    subject text not null,
    method text not null,
    path text not null,
    body json not null,
    attempts integer not null default 0,
    next_at timestamptz not null default now(),
    last_result text,
    accepted_at timestamptz,
    refused_at timestamptz
  );
  create index message_to_send on parking_operator.message (subject, message_id)
    where accepted_at is null and refused_at is null;
  create table parking_operator.kessai (
    only_one boolean primary key default true check (only_one),
    base_url text not null,
    key text not null
  );
  ${signingSecretTable(SCHEMA)}`,
];

/** Brings the schema `parking_operator` to this version. */
export async function migrate(pool: Pool): Promise<void> {
  await migrateSchema(pool, SCHEMA, MIGRATIONS);
}
