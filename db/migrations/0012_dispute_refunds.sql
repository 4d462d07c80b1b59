-- Refunds of disputes are few among all: each night looks which of them an issuer has not confirmed.
create index refund_of_dispute on refund (payment_id) where kind = 'DISPUTE';
