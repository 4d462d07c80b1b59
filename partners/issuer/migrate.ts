import type { Pool } from '../shared/database.ts';
import { migrateSchema } from '../shared/migrate.ts';
import { signingSecretTable } from '../shared/signature.ts';

/** Of the issuer's tables. */
export const SCHEMA = 'issuer';

/**
 * The issuer's own tables, in a schema of its own. Every amount is in minor units and bounded by the database itself, so no
 * mistake of the program lends more than was authorised or gives back more than was captured.
 */
const MIGRATIONS: readonly string[] = [
  `
  create table issuer.account (
    account_ref text primary key,
    currency text not null,
    credit_limit bigint not null check (credit_limit >= 0),
    -- Authorised and neither captured nor voided.
    reserved bigint not null default 0 check (reserved >= 0),
    -- Captured and not given back.
    owed bigint not null default 0 check (owed >= 0)
  );
  -- A void that came first leaves a row without an account: a tombstone.
  create table issuer.authorisation (
    authorisation_key text primary key,
    account_ref text references issuer.account,
    amount bigint not null check (amount >= 0),
    captured bigint not null default 0,
    refunded bigint not null default 0,
    voided_at timestamptz,
    check (captured between 0 and amount),
    check (refunded between 0 and captured),
    check (account_ref is not null or voided_at is not null)
  );
  create index authorisation_by_account on issuer.authorisation (account_ref);
  -- Every operation as it was answered, for good. Nothing here is ever changed.
  create table issuer.operation (
    operation_key text primary key,
    operation text not null check (operation in ('AUTHORISE', 'CAPTURE', 'VOID', 'REFUND')),
    authorisation_key text not null,
    amount bigint,
    request json not null,
    status text not null check (status in ('DONE', 'REFUSED')),
    code text,
    reference text not null,
    -- What this operation released or gave back beside what its amount says: a void's own sums.
    released bigint not null default 0,
    given_back bigint not null default 0,
    answered_at timestamptz not null default now(),
    check ((status = 'REFUSED') = (code is not null))
  );
  create index operation_by_authorisation on issuer.operation (authorisation_key);
  ${signingSecretTable(SCHEMA)}`,
  `
  alter table issuer.operation drop constraint operation_operation_check;
  alter table issuer.operation add constraint operation_operation_check
    check (operation in ('AUTHORISE', 'CAPTURE', 'VOID', 'REFUND', 'REPAYMENT'));
  alter table issuer.operation alter column authorisation_key drop not null;
  -- What a user owes for a month. Its id is the debt's at the wallet.
  create table issuer.statement (
    statement_id text primary key,
    user_id text not null,
    month text not null check (month ~ '^\\d{4}-\\d{2}$'),
    amount bigint not null check (amount >= 0),
    currency text not null,
    due_on date not null,
    paid bigint not null default 0 check (paid >= 0),
    -- Rises with each change of amount or due date.
    revision bigint not null default 1,
    unique (user_id, month)
  );
  -- What was paid of it, each once: from the wallet or by bank debit.
  create table issuer.repayment (
    statement_id text not null references issuer.statement,
    repayment_id text not null,
    channel text not null check (channel in ('WALLET', 'BANK_DEBIT')),
    amount bigint not null check (amount > 0),
    paid_at timestamptz not null,
    booked_at timestamptz not null default now(),
    primary key (statement_id, repayment_id)
  );`,
  `
  alter table issuer.statement
    -- Who is to be reminded, what Kessai knows of it, and how its campaign ended.
    add column picked_at timestamptz,
    add column registered_revision bigint,
    add column register_code text,
    add column register_detail text,
    add column campaign_outcome text,
    add column campaign_closed_at timestamptz;
  create index statement_unpicked on issuer.statement (due_on) where picked_at is null;
  create index statement_picked on issuer.statement (statement_id) where picked_at is not null;
  alter table issuer.repayment add column told_at timestamptz, add column told_code text;
  create index repayment_untold on issuer.repayment (booked_at) where told_at is null and channel <> 'WALLET';
  create table issuer.bank_debit (
    debit_id text primary key,
    statement_id text not null,
    amount bigint not null,
    debited_on date not null,
    result text not null,
    digest text not null,
    imported_at timestamptz not null default now()
  );
  create table issuer.debt_event (
    event_id text primary key,
    statement_id text not null,
    outcome text not null,
    body json not null,
    received_at timestamptz not null default now()
  );`,
  `
  -- Since when Kessai's messages have had no sign from a phone of the user.
  alter table issuer.statement add column no_signal_at timestamptz;
  alter table issuer.debt_event alter column outcome drop not null;`,
];

/** Brings the schema `issuer` to this version. */
export async function migrate(pool: Pool): Promise<void> {
  await migrateSchema(pool, SCHEMA, MIGRATIONS);
}
