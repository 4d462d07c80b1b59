-- Up Migration

-- Payments with which a user was told of a debt. `is_due`: its campaign is to hear of it, as its next message would follow too soon.
create table debt_notice (
  payment_id text primary key references payment,
  issuer_id text not null,
  debt_id text not null,
  noticed_at timestamptz not null,
  is_due boolean not null,
  foreign key (issuer_id, debt_id) references debt
);
create index debt_notice_by_debt on debt_notice (issuer_id, debt_id, noticed_at desc);
create index debt_notice_due on debt_notice (noticed_at) where is_due;

-- Events whose delivery the outbox starts, as no workflow of theirs does.
alter table webhook_event add column is_start_due boolean not null default false;
create index webhook_event_start_due on webhook_event (created_at) where is_start_due;
