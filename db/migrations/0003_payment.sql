-- Up Migration

create table one_time_code (
  code_digest bytea primary key,
  user_id text not null references app_user,
  device_id text not null references device,
  funding_source text not null check (funding_source in ('BALANCE', 'PAY_LATER')),
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  used_by text
);
create index one_time_code_by_user on one_time_code (user_id, expires_at);

-- No foreign keys to merchant, store or terminal: they would lock the merchant's rows in every payment; the API has
-- checked them, and a merchant is never deleted.
create table payment (
  payment_id text primary key,
  merchant_id text not null,
  merchant_payment_id text not null,
  store_id text,
  terminal_id text,
  receipt_number text,
  status text not null check (status in ('IN_PROGRESS', 'COMPLETED', 'DECLINED', 'CANCELED', 'REFUNDED')),
  decline_code text check (decline_code in (
    'CODE_INVALID', 'CODE_EXPIRED', 'CODE_ALREADY_USED', 'OFFLINE_KEY_STALE', 'OFFLINE_LIMIT_AMOUNT',
    'OFFLINE_LIMIT_COUNT', 'INSUFFICIENT_FUNDS', 'CREDIT_DECLINED', 'DELEGATE_RULE_REFUSED', 'SIMILAR_PAYMENT',
    'CANCELED', 'TOO_MANY_ATTEMPTS', 'ACCOUNT_SUSPENDED')),
  amount bigint not null check (amount >= 0),
  currency text not null,
  refunded_amount bigint not null default 0 check (refunded_amount between 0 and amount),
  items jsonb,
  code_mode text check (code_mode in ('ONLINE', 'OFFLINE')),
  funding_source text check (funding_source in ('BALANCE', 'PAY_LATER')),
  payer_id text references app_user,
  device_id text references device,
  transfer_id text references transfer,
  -- What makes a repeat the same request: null for a tombstone, which was canceled before it was asked for.
  request_hash text,
  -- The HTTP request whose answer this decision was, so that a repeat can be told from it.
  attempt_id text,
  policy_version text not null,
  requested_at timestamptz not null,
  decided_at timestamptz,
  cancel_until timestamptz,
  canceled_at timestamptz,
  cancel_reason text,
  check ((status = 'DECLINED') = (decline_code is not null)),
  unique (merchant_id, merchant_payment_id)
);
create index payment_by_payer on payment (payer_id, requested_at desc, payment_id desc) where payer_id is not null;
