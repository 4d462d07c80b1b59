-- Up Migration

-- Refunds that wait for their issuer: the nightly comparison looks for those that nobody asks about any more.
create index refund_in_progress on refund (merchant_id, requested_at) where status = 'IN_PROGRESS';
