/**
 * What must be true of refunds, for `verifyLedger`: each query gives a row (subject, detail) for every break it finds. A
 * merchant's refund is paid by the merchant, a dispute's by Kessai; both go where the payment came from.
 */
export const REFUND_CHECKS: Readonly<Record<string, string>> = {
  'each completed refund has moved its amount back to where its payment came from, and no other refund has moved anything': `
    select f.refund_id as subject, f.status || ' of ' || f.amount || ', posted ' || coalesce(e.posted, 'nothing') as detail
      from refund f left join payment p using (payment_id)
      left join lateral (
        select string_agg(t.kind || ' ' || account_id || ' ' || e.amount, ', ' order by e.amount) as posted
          from transfer t join entry e using (transfer_id)
         where t.transfer_id = coalesce(f.transfer_id, 'refund:' || f.refund_id)) e on true
     where e.posted is distinct from case when f.status = 'COMPLETED' then
             case f.kind when 'DISPUTE' then 'DISPUTE_REFUND system:dispute-loss:' else 'REFUND merchant:' || f.merchant_id || ':' end
             || f.currency || ' ' || -f.amount || ', ' || case f.kind when 'DISPUTE' then 'DISPUTE_REFUND ' else 'REFUND ' end
             || coalesce(case p.funding_source when 'PAY_LATER' then 'issuer:' || p.issuer_id else 'user:' || p.payer_id end, '?')
             || ':' || f.currency || ' ' || f.amount end
        or (f.status = 'COMPLETED') <> (f.transfer_id is not null)`,
  'each refund transfer belongs to one refund': `
    select t.transfer_id as subject, count(f.refund_id) || ' refunds' as detail
      from transfer t left join refund f using (transfer_id)
     where t.kind in ('REFUND', 'DISPUTE_REFUND') group by t.transfer_id having count(f.refund_id) <> 1`,
  'each refund is of a payment of its merchant in its currency': `
    select f.refund_id as subject, 'payment ' || f.payment_id as detail
      from refund f left join payment p using (payment_id)
     where (p.merchant_id, p.merchant_payment_id, p.currency)
           is distinct from (f.merchant_id, f.merchant_payment_id, f.currency)`,
  'the refunded amount of each payment is the sum of its completed refunds': `
    select p.payment_id as subject, 'refunded ' || p.refunded_amount || ', refunds ' || coalesce(sum(f.amount), 0) as detail
      from payment p left join refund f on f.payment_id = p.payment_id and f.status = 'COMPLETED'
     group by p.payment_id having p.refunded_amount <> coalesce(sum(f.amount), 0)`,
  'a payment is REFUNDED when all of it has been given back, and only then': `
    select payment_id as subject, status || ', refunded ' || refunded_amount || ' of ' || amount as detail
      from payment where (status = 'REFUNDED') <> (amount > 0 and refunded_amount = amount)`,
  'no payment is given back beyond its amount, and none that was not taken or was canceled': `
    select p.payment_id as subject, p.status || ' of ' || p.amount || ', refunds ' || sum(f.amount) as detail
      from payment p join refund f on f.payment_id = p.payment_id and f.status in ('IN_PROGRESS', 'COMPLETED')
     group by p.payment_id having sum(f.amount) > p.amount or p.status not in ('COMPLETED', 'REFUNDED')`,
};
