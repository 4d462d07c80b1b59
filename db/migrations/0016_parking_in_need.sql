-- Up Migration

-- Settlements that a workflow has to take care of are few among all: each night looks whether one has lost its own.
create index parking_settlement_open on parking_settlement (settlement_ref)
  where state in ('PAYING', 'PAID', 'RELEASE_REQUESTED', 'AWAITING_OPERATOR') or refund_status = 'IN_PROGRESS';
create index parking_settlement_by_release on parking_settlement (released_at);
