-- Of what a user is told after a payment: the open debt that has been due longest, unless something holds its reminders off or its
-- issuer does not want that. Null if there is none. One look into an index of open debts: a till waits for it.
create or replace function debt_to_notice(p_user_id text, p_at timestamptz) returns debt
language plpgsql stable set enable_seqscan = off as $$
begin
  return (
    select d from debt d join app_user u on u.user_id = d.user_id
     where d.user_id = p_user_id and d.closed_at is null and d.state in ('SCHEDULED', 'CONTACTED')
       and d.due_on < (p_at at time zone u.time_zone)::date
       and coalesce((d.policy ->> 'noticeAfterPayment')::boolean, true)
     order by d.due_on limit 1);
end $$;

create or replace function debt_notice(p_user_id text, p_at timestamptz) returns json
language plpgsql stable set enable_seqscan = off as $$
declare
  d debt := debt_to_notice(p_user_id, p_at);
begin
  return case when d.debt_id is not null then
    json_build_object('debtId', d.debt_id, 'amount', debt_remaining(d), 'currency', d.currency, 'dueOn', d.due_on,
                      'link', '/wallet/repay/' || d.debt_id) end;
end $$;

-- Keeps, once, that a user was told of a debt with a payment. The outbox tells the campaign of it, if its next message would follow
-- sooner than its shortest pause; else the step at that message finds it here.
create or replace function debt_notice_keep(p payment, p_at timestamptz) returns void language plpgsql set enable_seqscan = off as $$
declare
  d debt := debt_to_notice(p.payer_id, p_at);
begin
  if d.debt_id is not null then
    insert into debt_notice (payment_id, issuer_id, debt_id, noticed_at, is_due)
    values (p.payment_id, d.issuer_id, d.debt_id, p_at,
            coalesce(d.next_at < p_at + make_interval(secs => (d.policy ->> 'minIntervalMs')::double precision / 1000), true))
    on conflict do nothing;
  end if;
end $$;

-- A payment as its payer sees it when it is completed: with the notice, which is no business of the merchant's.
create or replace function payment_view_for_payer(p payment, p_at timestamptz) returns json language plpgsql stable set enable_seqscan = off as $$
declare
  v_notice json := case when p.status = 'COMPLETED' then debt_notice(p.payer_id, p_at) end;
begin
  if v_notice is null then
    return payment_view(p);
  end if;
  return (payment_view(p)::jsonb || jsonb_build_object('debtNotice', v_notice))::json;
end $$;

-- What a receipt is written from, of a payment that is to have one; null if another writer has it or it is there.
create or replace function receipt_facts(p_payment_id text) returns json language plpgsql set enable_seqscan = off as $$
declare
  v_payment payment;
begin
  perform 1 from payment_receipt_due where payment_id = p_payment_id for update skip locked;
  if not found then
    return null;
  end if;
  select * into strict v_payment from payment where payment_id = p_payment_id;
  return (select json_build_object('isCompleted', v_payment.transfer_id is not null, 'amount', v_payment.amount,
      'currency', v_payment.currency, 'merchantName', m.name, 'locale', u.locale, 'decidedAt', rfc3339(v_payment.decided_at),
      'hasOpenDebt', v_payment.transfer_id is not null and debt_notice(v_payment.payer_id, v_payment.decided_at) is not null)
    from merchant m, app_user u where m.merchant_id = v_payment.merchant_id and u.user_id = v_payment.payer_id);
end $$;

-- Puts a receipt into the payer's inbox, in the transaction of `receipt_facts`; answers whose inbox it is.
create or replace function receipt_put(r jsonb) returns text language plpgsql set enable_seqscan = off as $$
declare
  v_message debt_message;
begin
  insert into debt_message (message_id, kind, payment_id, user_id, channel, title, body, link, sent_at, push_body, push_topic, push_until,
                            push_status)
  select r ->> 'messageId', 'PAYMENT', p.payment_id, p.payer_id, 'INBOX', r ->> 'title', r ->> 'body', r ->> 'link', p.decided_at,
         r ->> 'pushBody', r ->> 'pushTopic', (r ->> 'pushUntil')::timestamptz, case when push_reaches(p.payer_id) then 'DUE' end
    from payment p where p.payment_id = r ->> 'paymentId'
  returning * into strict v_message;
  delete from payment_receipt_due where payment_id = v_message.payment_id;
  insert into user_event (user_id, seq, kind, payload, created_at)
  values (v_message.user_id, payer_lock(v_message.user_id), 'message.created', message_view(v_message), v_message.sent_at);
  return v_message.user_id;
end $$;
