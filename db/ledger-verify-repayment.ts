/**
 * What must be true of repayments from the wallet, for `verifyLedger`: each query gives a row (subject, detail) for every break it
 * finds.
 */
export const REPAYMENT_CHECKS: Readonly<Record<string, string>> = {
  'each completed repayment has moved its amount from its user to its issuer, and no other repayment has moved anything': `
    select repayment_key(w) as subject, w.status || ' of ' || w.amount || ', posted ' || coalesce(e.posted, 'nothing') as detail
      from wallet_repayment w left join lateral (
        select string_agg(t.kind || ' ' || account_id || ' ' || e.amount, ', ' order by e.amount) as posted
          from transfer t join entry e using (transfer_id) where t.transfer_id = repayment_key(w)) e on true
     where e.posted is distinct from case when w.status = 'COMPLETED' then
             'REPAYMENT user:' || w.user_id || ':' || w.currency || ' ' || -w.amount
             || ', REPAYMENT repayment:' || w.issuer_id || ':' || w.currency || ' ' || w.amount end`,
  'each repayment transfer belongs to one repayment': `
    select t.transfer_id as subject, count(w.repayment_id) || ' repayments' as detail
      from transfer t left join wallet_repayment w using (transfer_id)
     where t.kind = 'REPAYMENT' group by t.transfer_id having count(w.repayment_id) <> 1`,
  'the money of a repayment is held exactly while its issuer has not decided': `
    select repayment_key(w) as subject, w.status || ' of ' || w.amount || ', hold ' || coalesce(h.status || ' of ' || h.amount, 'none') as detail
      from wallet_repayment w left join hold h using (hold_id)
     where coalesce(h.status, 'none') is distinct from case w.status when 'IN_PROGRESS' then 'HELD' when 'COMPLETED' then 'CAPTURED'
             else case when w.hold_id is null then 'none' else 'VOIDED' end end
        or h.amount <> w.amount or h.account_id <> 'user:' || w.user_id || ':' || w.currency`,
  'each completed repayment is booked with its debt, and counts once': `
    select repayment_key(w) as subject, 'booked ' || coalesce(q.amount::text, 'nothing') as detail
      from wallet_repayment w left join repayment q using (issuer_id, debt_id, repayment_id)
     where w.status = 'COMPLETED' and q.amount is distinct from w.amount`,
};
