import { RECONCILIATION_POLICY } from '../domain/reconciliation/policy.ts';
import { oneRow, type Db } from './pool.ts';
import { AUTOMATIC_RESOLVER } from './reconciliation-break.ts';
import type { DayResult } from './reconciliation.ts';

/**
 * Repayments from wallets that have waited for their issuer so long that a person should have been asked, and was not: their workflow is
 * gone, and the money is held for nobody. Each opens a break of its issuer, once; one that has ended since, or is with a person, is
 * resolved. What a person has resolved stays so.
 *
 * @param at now
 */
export async function reconcileRepayments(db: Db, at: string): Promise<DayResult> {
  const statement = {
    name: 'reconciliation_repayments',
    text: `
      with waiting as (
        select w, repayment_break_id(w, 'waits') as break_id, repayment_key(w) as key
          from wallet_repayment w
         where w.status = 'IN_PROGRESS' and w.requested_at < $1::timestamptz - make_interval(secs => $2 / 1000.0)
           and not exists (select 1 from reconciliation_break b
                            where b.break_id = repayment_break_id(w, 'unknown') and b.resolved_at is null)),
      opened as (
        insert into reconciliation_break as b (break_id, class, counterpart, issuer_id, currency, day, reference, ours_amount, detail,
               opened_at, seen_at)
        select break_id, 'missing_theirs', 'ISSUER', (w).issuer_id, (w).currency,
               ((w).requested_at at time zone i.time_zone)::date, key, (w).amount,
               format('a repayment of %s waits for its issuer, and nobody asks any more; its money is held', (w).amount), $1, $1
          from waiting join issuer i on i.issuer_id = (w).issuer_id
        on conflict (break_id) do update set resolved_at = null, resolver = null, resolution = null, opened_at = excluded.opened_at
         where b.resolver = '${AUTOMATIC_RESOLVER}'
        returning 1),
      resolved as (
        update reconciliation_break b
           set resolved_at = $1, resolver = '${AUTOMATIC_RESOLVER}',
               resolution = case w.status when 'IN_PROGRESS' then 'a person is asked now' else 'the repayment is ' || w.status || ' now' end
          from wallet_repayment w
         where b.resolved_at is null and b.counterpart = 'ISSUER' and b.class = 'missing_theirs' and b.merchant_id is null
           and w.issuer_id = b.issuer_id and w.debt_id = split_part(b.reference, ':', 3)
           and w.repayment_id = split_part(b.reference, ':', 4)
           and (w.status <> 'IN_PROGRESS' or exists (select 1 from reconciliation_break u
                                                     where u.break_id = repayment_break_id(w, 'unknown') and u.resolved_at is null))
        returning 1)
      select (select count(*) from opened)::int as opened, (select count(*) from resolved)::int as resolved`,
  };
  return oneRow<{ opened: number; resolved: number }>(db, statement, [at, RECONCILIATION_POLICY.undecidedMs]);
}
