import type { Pool } from '../shared/database.ts';

export interface Account {
  readonly accountRef: string;
  readonly currency: string;
  readonly limit: number;
  /** `reserved` and `captured` together: what the line has left is `limit - used`. */
  readonly used: number;
  /** Authorised and neither captured nor voided. */
  readonly reserved: number;
  /** Captured and not given back. */
  readonly captured: number;
}

const ACCOUNT = `account_ref as "accountRef", currency, credit_limit as "limit", reserved + owed as used, reserved, owed as captured`;

/** Opens an account or changes its limit; what was lent stays lent. A currency never changes. */
export async function putAccount(
  pool: Pool,
  it: { accountRef: string; limit: number; currency: string },
): Promise<Account | undefined> {
  const stored = await pool.query<Account>(
    `insert into issuer.account (account_ref, credit_limit, currency) values ($1, $2, $3)
     on conflict (account_ref) do update set credit_limit = excluded.credit_limit
       where account.currency = excluded.currency returning ${ACCOUNT}`,
    [it.accountRef, it.limit, it.currency],
  );
  return stored.rows[0];
}

export async function findAccount(pool: Pool, accountRef: string): Promise<Account | undefined> {
  const found = await pool.query<Account>(`select ${ACCOUNT} from issuer.account where account_ref = $1`, [
    accountRef,
  ]);
  return found.rows[0];
}

/** Totals of everything, minor units, and whatever in them does not add up. */
export interface Books {
  readonly accounts: number;
  readonly reserved: number;
  readonly captured: number;
  /** Repaid from the wallet. */
  readonly repaid: number;
  readonly operations: Readonly<Record<string, number>>;
  readonly breaks: readonly { readonly check: string; readonly subject: string; readonly detail: string }[];
}

/** Each gives a row (subject, detail) for every break. The operations, which never change, are held against the sums kept. */
const CHECKS: Readonly<Record<string, string>> = {
  'each authorisation is the sum of its operations': `
    select a.authorisation_key as subject,
           'kept ' || a.captured || '/' || a.refunded || ', operations ' || o.captured || '/' || o.refunded as detail
      from issuer.authorisation a cross join lateral (
        select coalesce(sum(amount) filter (where operation = 'CAPTURE'), 0) as captured,
               coalesce(sum(amount) filter (where operation = 'REFUND'), 0) as refunded
          from issuer.operation o where o.authorisation_key = a.authorisation_key and status = 'DONE') o
     where (a.captured, a.refunded) is distinct from (o.captured, o.refunded)`,
  'each account is the sum of its authorisations': `
    select a.account_ref as subject,
           'kept ' || a.reserved || '/' || a.owed || ', authorisations ' || s.reserved || '/' || s.owed as detail
      from issuer.account a cross join lateral (
        select coalesce(sum(amount - captured), 0) as reserved, coalesce(sum(captured - refunded), 0) as owed
          from issuer.authorisation x where x.account_ref = a.account_ref and voided_at is null) s
     where (a.reserved, a.owed) is distinct from (s.reserved, s.owed)`,
  'all accounts together are the sum of all operations': `
    select 'all' as subject, 'kept ' || k.reserved || '/' || k.owed || ', operations ' || o.reserved || '/' || o.owed as detail
      from (select coalesce(sum(reserved), 0) as reserved, coalesce(sum(owed), 0) as owed from issuer.account) k,
           (select coalesce(sum(case operation when 'AUTHORISE' then amount when 'CAPTURE' then -amount
                                when 'VOID' then -released else 0 end), 0) as reserved,
                   coalesce(sum(case operation when 'CAPTURE' then amount when 'REFUND' then -amount
                                when 'VOID' then -given_back else 0 end), 0) as owed
              from issuer.operation where status = 'DONE') o
     where (k.reserved, k.owed) is distinct from (o.reserved, o.owed)`,
  'each statement is paid by its repayments': `
    select s.statement_id as subject, 'kept ' || s.paid || ', repayments ' || coalesce(sum(r.amount), 0) as detail
      from issuer.statement s left join issuer.repayment r using (statement_id)
     group by s.statement_id, s.paid having s.paid <> coalesce(sum(r.amount), 0)`,
  'each repayment from the wallet was asked for once': `
    select r.statement_id || ' ' || r.repayment_id as subject, count(o.operation_key) || ' operations' as detail
      from issuer.repayment r left join issuer.operation o
        on o.operation = 'REPAYMENT' and o.status = 'DONE' and o.request ->> 'debtId' = r.statement_id
           and o.request ->> 'repaymentId' = r.repayment_id
     where r.channel = 'WALLET' group by r.statement_id, r.repayment_id having count(o.operation_key) <> 1`,
  'an authorisation was asked for': `
    select a.authorisation_key as subject, 'no operation' as detail
      from issuer.authorisation a where account_ref is not null
       and not exists (select 1 from issuer.operation o
                        where o.operation_key = a.authorisation_key and o.operation = 'AUTHORISE' and o.status = 'DONE')`,
};

/** Adds everything up, over one snapshot. */
export async function proveBooks(pool: Pool): Promise<Books> {
  const client = await pool.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    const totals = await client.query<{ accounts: number; reserved: number; captured: number }>(
      `select count(*) as accounts, coalesce(sum(reserved), 0)::bigint as reserved, coalesce(sum(owed), 0)::bigint as captured
         from issuer.account`,
    );
    const repaid = await client.query<{ repaid: number }>(
      `select coalesce(sum(amount), 0)::bigint as repaid from issuer.repayment where channel = 'WALLET'`,
    );
    const counts = await client.query<{ name: string; count: number }>(
      `select operation || ' ' || status as name, count(*) as count from issuer.operation group by 1 order by 1`,
    );
    const breaks: Books['breaks'][number][] = [];
    for (const [check, sql] of Object.entries(CHECKS)) {
      const found = await client.query<{ subject: string; detail: string }>(sql);
      breaks.push(...found.rows.map((row) => ({ check, ...row })));
    }
    return {
      ...(totals.rows[0] ?? { accounts: 0, reserved: 0, captured: 0 }),
      repaid: repaid.rows[0]?.repaid ?? 0,
      operations: Object.fromEntries(counts.rows.map(({ name, count }) => [name, count])),
      breaks,
    };
  } finally {
    await client.query('rollback').catch(() => undefined);
    client.release();
  }
}
