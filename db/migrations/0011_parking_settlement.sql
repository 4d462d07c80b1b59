-- Up Migration

-- A payment that the payer's own phone asks for, without a code.
alter table payment drop constraint payment_code_mode_check;
alter table payment add constraint payment_code_mode_check check (code_mode in ('ONLINE', 'OFFLINE', 'APP'));

-- Calls to parking operators' servers are signed, too.
alter table webhook_secret drop constraint webhook_secret_owner_kind_check;
alter table webhook_secret add constraint webhook_secret_owner_kind_check check (owner_kind in ('MERCHANT', 'ISSUER', 'PARKING'));

-- What a stay costs a driver who pays until `expires_at`, as it was shown. What is on a receipt is kept here, too: it says
-- what was true when the driver agreed.
create table parking_quote (
  quote_id text primary key,
  user_id text not null references app_user,
  operator_id text not null,
  operator_name text not null,
  operator_phone text,
  invoice_number text,
  -- Whether the operator's server releases, or a person.
  release text not null check (release in ('SERVER', 'OPERATOR_CONFIRM')),
  place_id text not null,
  place_name text not null,
  space text,
  session_id text not null,
  started_at timestamptz not null,
  -- What the whole stay costs, what has been paid of it, and what is left to pay; minor units.
  fee bigint not null check (fee >= 0),
  paid_before bigint not null check (paid_before >= 0),
  amount bigint not null check (amount >= 0),
  currency text not null,
  tax_rate_percent numeric not null,
  -- Contained in `amount`.
  tax_amount bigint not null check (tax_amount between 0 and amount),
  lines json not null,
  fee_source text not null check (fee_source in ('OPERATOR', 'KESSAI')),
  is_fallback boolean not null,
  said_by_driver boolean not null,
  quoted_at timestamptz not null,
  expires_at timestamptz not null,
  -- Until when the driver who has paid may be out.
  exit_by timestamptz not null,
  check (exit_by >= expires_at)
);
create index parking_quote_by_user on parking_quote (user_id, quoted_at);

-- A stay that is paid for. The reference is Kessai's own id: the operator knows it, and so do merchant payments and refunds.
create table parking_settlement (
  settlement_ref text primary key,
  user_id text not null references app_user,
  settlement_id text not null,
  quote_id text not null references parking_quote,
  operator_id text not null,
  place_id text not null,
  session_id text not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  funding_source text not null,
  state text not null check (state in ('PAYING', 'PAID', 'RELEASE_REQUESTED', 'AWAITING_OPERATOR', 'RELEASED', 'EXITED',
                                       'OVERSTAYED', 'REFUNDED', 'DECLINED')),
  decline_code text,
  request_hash text not null,
  attempt_id text not null,
  -- Four digits that driver and operator both see, to know that they speak of the same car. They open nothing.
  release_code text not null check (release_code ~ '^\d{4}$'),
  requested_at timestamptz not null,
  paid_at timestamptz,
  device_seen_at timestamptz,
  operator_answered_at timestamptz,
  operator_outcome text check (operator_outcome in ('RELEASED', 'NOT_RELEASED', 'ALREADY_SETTLED')),
  released_at timestamptz,
  released_by text check (released_by in ('SERVER', 'OPERATOR')),
  cancel_requested_at timestamptz,
  exited_at timestamptz,
  refund_status text check (refund_status in ('IN_PROGRESS', 'COMPLETED', 'FAILED')),
  refund_reason text check (refund_reason in ('NOT_RELEASED', 'ALREADY_SETTLED', 'CANCELED')),
  refunded_at timestamptz,
  unique (user_id, settlement_id),
  check ((state = 'DECLINED') = (decline_code is not null)),
  check ((released_at is null) = (released_by is null)),
  check ((operator_answered_at is null) = (operator_outcome is null))
);
create index parking_settlement_by_stay on parking_settlement (operator_id, session_id);

-- What the operator's server and people said of a settlement, obeyed or not.
create table parking_answer (
  settlement_ref text not null references parking_settlement,
  answer_id text not null,
  source text not null check (source in ('SERVER', 'CONFIRMATION', 'OPERATOR', 'DRIVER')),
  -- As it was said, where that was one of the words asked for.
  outcome text,
  -- Null while the workflow has not looked at it.
  is_obeyed boolean,
  detail text,
  said_at timestamptz not null,
  primary key (settlement_ref, answer_id)
);

-- Every call to an operator's server, whatever came of it.
create table parking_attempt (
  attempt_id bigint generated always as identity primary key,
  operator_id text not null,
  call_key text not null,
  operation text not null check (operation in ('FEE', 'COMPLETION', 'CANCELLATION')),
  url text not null,
  started_at timestamptz not null,
  duration_ms integer not null,
  status_code integer,
  outcome text not null,
  error text
);
create index parking_attempt_by_key on parking_attempt (call_key, attempt_id);
