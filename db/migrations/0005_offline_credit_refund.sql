-- Up Migration

-- What funds a payment beside balances: pay-later partners, who owe Kessai what their users spend; and Kessai itself, for
-- disputed offline payments that it gives back while the merchant, who followed the rules, keeps its money.
alter table account drop constraint account_kind_check;
alter table account add constraint account_kind_check check (kind in ('USER', 'MERCHANT', 'ISSUER', 'SYSTEM'));
insert into account (account_id, kind, currency) values ('system:dispute-loss:JPY', 'SYSTEM', 'JPY');
alter table transfer drop constraint transfer_kind_check;
alter table transfer add constraint transfer_kind_check
  check (kind in ('TOP_UP', 'PAYMENT', 'PAYMENT_CANCEL', 'REFUND', 'DISPUTE_REFUND'));

-- An offline key serves until seven days after its device last reached the server.
alter table device add column last_contact_at timestamptz not null default now();
alter table app_user add column offline_funding_source text not null default 'BALANCE'
  check (offline_funding_source in ('BALANCE', 'PAY_LATER'));

-- The row is also the lock under which a handle's codes are judged one after the other.
create table offline_key (
  handle text primary key check (handle ~ '^\d{10}$'),
  user_id text not null references app_user,
  device_id text not null references device,
  sealed bytea not null,
  issued_at timestamptz not null,
  refresh_after timestamptz not null,
  revoked_at timestamptz,
  revoke_reason text check (revoke_reason in ('REPLACED_DEVICE', 'DISPUTED', 'OPERATOR', 'REFRESHED', 'USER')),
  -- The last step whose password was accepted: none up to it is accepted again (RFC 6238 section 5.2).
  last_step bigint not null default 0,
  failed_count integer not null default 0,
  failed_since timestamptz,
  blocked_until timestamptz,
  check ((revoked_at is null) = (revoke_reason is null))
);
create index offline_key_by_device on offline_key (device_id, issued_at desc);

-- Whose code it was, what it pays with, and why it is no good, if it is not.
create type taken_code as (user_id text, device_id text, funding_source text, decline text);

-- Another operator's credit, on which a user can pay.
create table issuer (
  issuer_id text primary key,
  name text not null,
  base_url text not null,
  time_zone text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create table pay_later_account (
  user_id text primary key references app_user,
  issuer_id text not null references issuer,
  account_ref text not null,
  created_at timestamptz not null default now()
);

-- Every call to an issuer, whatever came of it.
create table issuer_attempt (
  attempt_id bigint generated always as identity primary key,
  issuer_id text not null,
  operation_key text not null,
  operation text not null check (operation in ('AUTHORISE', 'CAPTURE', 'VOID', 'REFUND', 'LOOK_UP')),
  url text not null,
  started_at timestamptz not null,
  duration_ms integer not null,
  status_code integer,
  outcome text not null check (outcome in ('DONE', 'REFUSED', 'NOT_FOUND', 'UNKNOWN')),
  error text
);
create index issuer_attempt_by_key on issuer_attempt (operation_key, attempt_id);

alter table payment
  add column code_digest bytea,
  add column offline_handle text,
  add column offline_step bigint,
  add column reconciliation text
    check (reconciliation in ('PENDING', 'MATCHED', 'UNCONFIRMED', 'DISPUTED', 'RESOLVED')),
  add column reconcile_until timestamptz,
  add column reconciled_at timestamptz,
  add column dispute json,
  add column issuer_id text,
  add column account_ref text,
  -- The payment is to be canceled as soon as it is known what became of it at the issuer.
  add column cancel_requested_at timestamptz,
  add column lines json,
  add constraint payment_offline check ((reconciliation is null) or (code_mode = 'OFFLINE' and offline_step is not null));
create index payment_offline_by_payer on payment (payer_id, requested_at) where code_mode = 'OFFLINE';
create index payment_by_code on payment (code_digest) where code_digest is not null;
create index payment_to_reconcile on payment (device_id, offline_step) where reconciliation in ('PENDING', 'DISPUTED');
create index payment_by_merchant_day on payment (merchant_id, decided_at);
create index payment_by_cancel_day on payment (merchant_id, canceled_at) where canceled_at is not null;
create index payment_by_reconciled on payment (merchant_id, reconciled_at) where reconciled_at is not null;
-- Entries are appended as time goes, so a summary of each range of pages finds a day's; it costs a posting nothing.
create index entry_by_time on entry using brin (posted_at) with (autosummarize = on);

-- What devices say they have shown. An entry is a device's own, so its id is the key.
create table journal (
  journal_id text primary key,
  device_id text not null references device,
  covers_from timestamptz not null,
  covers_to timestamptz not null,
  received_at timestamptz not null,
  -- Digests of all codes that could be read in it, also of entries that were wrong otherwise.
  named bytea[] not null default '{}',
  -- False if some entry's code could not be read: then what it does not name says nothing.
  is_whole boolean not null default true,
  check (covers_from <= covers_to)
);
create index journal_by_device on journal (device_id, covers_from);
create table journal_entry (
  device_id text not null references device,
  entry_id text not null,
  journal_id text not null references journal,
  code_digest bytea not null,
  displayed_at timestamptz not null,
  clock_offset_ms bigint not null,
  outcome text not null check (outcome in ('MATCHED', 'NOT_USED', 'PENDING', 'INVALID')),
  payment_id text,
  primary key (device_id, entry_id)
);
create index journal_entry_by_code on journal_entry (code_digest);

-- Money given back. The merchant's own id makes it one refund; a dispute's has none.
create table refund (
  refund_id text primary key,
  kind text not null check (kind in ('MERCHANT', 'DISPUTE')),
  merchant_id text not null,
  merchant_refund_id text,
  payment_id text not null,
  merchant_payment_id text not null,
  status text not null check (status in ('IN_PROGRESS', 'COMPLETED', 'FAILED')),
  fail_code text,
  amount bigint not null check (amount > 0),
  currency text not null,
  reason text,
  funding_source text check (funding_source in ('BALANCE', 'PAY_LATER')),
  transfer_id text references transfer,
  request_hash text not null,
  attempt_id text not null,
  requested_at timestamptz not null,
  decided_at timestamptz,
  unique (merchant_id, merchant_refund_id),
  check ((kind = 'MERCHANT') = (merchant_refund_id is not null)),
  check ((status = 'FAILED') = (fail_code is not null)),
  check ((status = 'IN_PROGRESS') = (decided_at is null))
);
create index refund_by_payment on refund (payment_id);
create index refund_by_merchant_day on refund (merchant_id, decided_at);

alter table webhook_secret drop constraint webhook_secret_owner_kind_check;
alter table webhook_secret add constraint webhook_secret_owner_kind_check check (owner_kind in ('MERCHANT', 'ISSUER'));

-- Merchants' own books of a day, and where they and ours and the phones' differ.
create table merchant_file (
  merchant_id text not null,
  day date not null,
  file_id text not null unique,
  received_at timestamptz not null,
  sha256 text not null,
  row_count integer not null,
  primary key (merchant_id, day)
);
create table merchant_file_row (
  file_id text not null references merchant_file (file_id) on delete cascade,
  type text not null check (type in ('PAYMENT', 'CANCEL', 'REFUND')),
  merchant_payment_id text not null,
  line_no integer not null,
  -- Signed: what is taken back is negative.
  amount bigint not null,
  primary key (file_id, merchant_payment_id, type, line_no)
);
-- When a merchant's day was last compared.
create table reconciled_day (
  merchant_id text not null,
  day date not null,
  reconciled_at timestamptz not null,
  primary key (merchant_id, day)
);
create table reconciliation_break (
  break_id text primary key,
  class text not null check (class in ('missing_ours', 'missing_theirs', 'amount_differs', 'late', 'unknown_outcome')),
  counterpart text not null check (counterpart in ('LEDGER', 'MERCHANT_FILE', 'DEVICE_JOURNAL', 'ISSUER')),
  merchant_id text not null,
  day date not null,
  reference text not null,
  payment_id text,
  ours_amount bigint,
  theirs_amount bigint,
  detail text not null,
  opened_at timestamptz not null,
  -- When a comparison last found it.
  seen_at timestamptz not null default now(),
  resolved_at timestamptz,
  resolver text,
  resolution text,
  check ((resolved_at is null) = (resolver is null)),
  unique (counterpart, merchant_id, day, class, reference)
);
create index reconciliation_break_open on reconciliation_break (opened_at) where resolved_at is null;
create index reconciliation_break_by_merchant on reconciliation_break (merchant_id, opened_at desc, break_id desc);
