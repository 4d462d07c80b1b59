-- Up Migration

-- Nothing has ever written or read it.
alter table payment drop column lines;

-- Payments that wait for their issuer longer than any answer can take are found by the nightly reconciliation.
create index payment_in_progress on payment (merchant_id, requested_at) where status = 'IN_PROGRESS';

-- What an issuer says that a void has given back, in minor units: more than nothing means that something had been booked.
alter table issuer_attempt add column released bigint check (released >= 0);

-- What a person had said of a break before it was opened again.
alter table reconciliation_break add column before text;
