-- Up Migration

alter table transfer drop constraint transfer_kind_check;
alter table transfer add constraint transfer_kind_check
  check (kind in ('TOP_UP', 'PAYMENT', 'PAYMENT_CANCEL', 'REFUND', 'DISPUTE_REFUND', 'REPAYMENT'));
alter table issuer_attempt drop constraint issuer_attempt_operation_check;
alter table issuer_attempt add constraint issuer_attempt_operation_check
  check (operation in ('AUTHORISE', 'CAPTURE', 'VOID', 'REFUND', 'REPAYMENT', 'LOOK_UP'));

-- What users pay of their debts from the wallet, on its way to the issuer and decided. What the issuer has accepted is also in
-- `repayment`, under the same id.
create table wallet_repayment (
  issuer_id text not null,
  debt_id text not null,
  repayment_id text not null,
  user_id text not null references app_user,
  amount bigint not null,
  currency text not null,
  status text not null check (status in ('IN_PROGRESS', 'COMPLETED', 'FAILED')),
  fail_code text,
  -- Of the user's balance, while the issuer has not decided; none if it was never asked.
  hold_id text references hold,
  transfer_id text references transfer,
  request_hash text not null,
  attempt_id text not null,
  requested_at timestamptz not null,
  decided_at timestamptz,
  primary key (issuer_id, debt_id, repayment_id),
  -- Two issuers may use one id for a user's debts; a repayment is one all the same.
  unique (user_id, debt_id, repayment_id),
  foreign key (issuer_id, debt_id) references debt,
  check (amount > 0 or status = 'FAILED'),
  check ((status = 'FAILED') = (fail_code is not null)),
  check ((status = 'IN_PROGRESS') = (decided_at is null)),
  check ((status = 'COMPLETED') = (transfer_id is not null)),
  check (status = 'FAILED' or hold_id is not null)
);
create index wallet_repayment_under_way on wallet_repayment (issuer_id, debt_id) where status = 'IN_PROGRESS';
create trigger wallet_repayment_no_delete before delete on wallet_repayment for each row execute function refuse_change();
create trigger wallet_repayment_no_truncate before truncate on wallet_repayment for each statement execute function refuse_change();

-- A break can be about an issuer alone.
alter table reconciliation_break
  alter column merchant_id drop not null,
  add column issuer_id text,
  add column currency text,
  add constraint reconciliation_break_of_whom check (merchant_id is not null or issuer_id is not null and currency is not null);

-- Figures of the campaigns of a while (db/dunning-summary.ts); what hangs on them is found by their key.
create index debt_by_registered on debt (issuer_id, registered_at);
