import { REFUND_CHECKS } from './ledger-verify-refund.ts';
import { REPAYMENT_CHECKS } from './ledger-verify-repayment.ts';
import { oneRow, rows, type Pool } from './pool.ts';
import { withTransaction } from './tx.ts';

/** One thing that a sound ledger cannot contain. */
export interface LedgerBreak {
  readonly check: string;
  readonly subject: string;
  readonly detail: string;
}

export interface LedgerProof {
  readonly accounts: number;
  readonly transfers: number;
  readonly entries: number;
  readonly holdsOpen: number;
  /** Sum of positive entries in minor units, by currency: what has moved. */
  readonly movedByCurrency: Readonly<Record<string, number>>;
  readonly breaks: readonly LedgerBreak[];
}

/** Where a payment's money comes from, and goes back to: the payer's balance, or the issuer on credit. */
const SOURCE = `case when p.issuer_id is null then 'user:' || coalesce(p.payer_id, '?') else 'issuer:' || p.issuer_id end || ':' || p.currency`;

/** Each query gives a row (subject, detail) for every break it finds. */
const CHECKS: Readonly<Record<string, string>> = {
  'all entries of a currency sum to zero': `
    select t.currency as subject, 'sum is ' || sum(e.amount) as detail
      from entry e join transfer t using (transfer_id) group by t.currency having sum(e.amount) <> 0`,
  'the entries of each transfer sum to zero': `
    select transfer_id as subject, 'sum is ' || sum(amount) as detail
      from entry group by transfer_id having sum(amount) <> 0`,
  'each transfer has at least two entries': `
    select t.transfer_id as subject, count(e.entry_id) || ' entries' as detail
      from transfer t left join entry e using (transfer_id) group by t.transfer_id having count(e.entry_id) < 2`,
  'each entry belongs to an account of its currency': `
    select e.account_id as subject, 'entry ' || e.entry_id as detail
      from entry e join transfer t using (transfer_id) left join account a on a.account_id = e.account_id
     where a.currency is distinct from t.currency`,
  'each balance is the sum of its entries': `
    select b.account_id as subject, 'balance ' || b.posted || ', entries ' || coalesce(sum(e.amount), 0) as detail
      from balance b left join entry e using (account_id)
     group by b.account_id, b.posted having b.posted <> coalesce(sum(e.amount), 0)`,
  'each held amount is the sum of its open holds': `
    select b.account_id as subject, 'held ' || b.held || ', holds ' || coalesce(sum(h.amount), 0) as detail
      from balance b left join hold h on h.account_id = b.account_id and h.status = 'HELD'
     group by b.account_id, b.held having b.held <> coalesce(sum(h.amount), 0)`,
  'no guarded account is overdrawn': `
    select account_id as subject, 'posted ' || posted || ', held ' || held as detail
      from balance where posted - held < 0`,
  'each user account is guarded': `
    select a.account_id as subject, 'no balance row' as detail
      from account a left join balance b using (account_id) where a.kind = 'USER' and b.account_id is null`,
  'each payment that was taken has moved its amount from its source to its merchant, and nothing else': `
    select p.payment_id as subject, p.status || ' of ' || p.amount || ', posted ' || coalesce(e.posted, 'nothing') as detail
      from payment p left join lateral (
        select string_agg(account_id || ' ' || amount, ', ' order by amount) as posted
          from entry where transfer_id = p.transfer_id) e on true
     where (p.status in ('COMPLETED', 'REFUNDED') or p.status = 'CANCELED' and p.request_hash is not null and p.issuer_id is null
            or p.transfer_id is not null)
       and e.posted is distinct from ${SOURCE} || ' ' || -p.amount || ', merchant:' || p.merchant_id || ':' || p.currency || ' ' || p.amount`,
  'each canceled payment is reversed once and in full, no other one is': `
    select p.payment_id as subject, p.status || ', reversed by ' || coalesce(c.posted, 'nothing') as detail
      from payment p left join lateral (
        select string_agg(e.account_id || ' ' || e.amount, ', ' order by e.amount) as posted
          from transfer t join entry e using (transfer_id) where t.reverses = p.transfer_id) c on true
     where p.transfer_id is not null
       and c.posted is distinct from case when p.status = 'CANCELED' then 'merchant:' || p.merchant_id || ':' || p.currency
           || ' ' || -p.amount || ', ' || ${SOURCE} || ' ' || p.amount end`,
  'a payment that is declined or not decided has moved nothing': `
    select payment_id as subject, status || ', transfer ' || transfer_id as detail
      from payment where status in ('DECLINED', 'IN_PROGRESS') and transfer_id is not null`,
  'each payment transfer belongs to a payment': `
    select t.transfer_id as subject, 'no payment' as detail
      from transfer t left join payment p using (transfer_id)
     where t.kind = 'PAYMENT' and p.payment_id is null`,
  ...REFUND_CHECKS,
  ...REPAYMENT_CHECKS,
};

/** Names of all checks, in the order in which they run. */
export const LEDGER_CHECKS: readonly string[] = Object.keys(CHECKS);

/** Proves the ledger's sums over one snapshot of the database, while payments go on. */
export async function verifyLedger(pool: Pool): Promise<LedgerProof> {
  return withTransaction(pool, async (tx) => {
    await tx.query('set transaction isolation level repeatable read, read only');
    await tx.query('set local statement_timeout = 0');
    const breaks: LedgerBreak[] = [];
    for (const [check, text] of Object.entries(CHECKS)) {
      const found = await tx.query<{ subject: string; detail: string }>(`${text} limit 100`);
      breaks.push(...found.rows.map((row) => ({ check, ...row })));
    }
    const counts = await oneRow<{ accounts: number; transfers: number; entries: number; holds: number }>(tx, {
      name: 'ledger_counts',
      text: `select (select count(*) from account) as accounts, (select count(*) from transfer) as transfers,
                    (select count(*) from entry) as entries, (select count(*) from hold where status = 'HELD') as holds`,
    });
    const moved = await rows<{ currency: string; moved: number }>(tx, {
      name: 'ledger_moved',
      text: `select t.currency, sum(e.amount)::bigint as moved from entry e join transfer t using (transfer_id)
              where e.amount > 0 group by t.currency`,
    });
    return {
      accounts: counts.accounts,
      transfers: counts.transfers,
      entries: counts.entries,
      holdsOpen: counts.holds,
      movedByCurrency: Object.fromEntries(moved.map((row) => [row.currency, row.moved])),
      breaks,
    };
  });
}
