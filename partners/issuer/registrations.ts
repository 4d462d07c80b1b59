import type { Pool } from '../shared/database.ts';
import type { DebtItem, ItemResult } from './kessai.ts';

/**
 * Picks whom to remind: statements that were due before the day on which `at` lies in this zone and are not paid. Picking again picks
 * no more.
 */
export async function pickUnpaid(pool: Pool, it: { at: string; timeZone: string }): Promise<number> {
  const picked = await pool.query(
    `update issuer.statement set picked_at = $1
      where picked_at is null and paid < amount and due_on < ($1::timestamptz at time zone $2)::date`,
    [it.at, it.timeZone],
  );
  return picked.rowCount ?? 0;
}

/** The next statements that were picked and that Kessai does not know as they are now, in the order of their ids. */
export async function unregistered(pool: Pool, after: string, limit: number): Promise<DebtItem[]> {
  const found = await pool.query<DebtItem>(
    `select statement_id as "debtId", user_id as "userId", amount, currency, due_on::text as "dueOn", revision
       from issuer.statement
      where picked_at is not null and coalesce(registered_revision, -1) < revision and campaign_closed_at is null
        and statement_id > $1 order by statement_id limit $2`,
    [after, limit],
  );
  return found.rows;
}

/** What Kessai may take at another time; it is sent again until then. */
export const TRY_AGAIN = 'UNAVAILABLE';

/** Keeps what Kessai said of each: the revision that it knows now, or why it refused. */
export async function keepResults(
  pool: Pool,
  items: readonly DebtItem[],
  results: readonly ItemResult[],
): Promise<void> {
  const kept = items.flatMap((item, i) => {
    const result = results[i];
    return result === undefined || result.code === TRY_AGAIN ? [] : [{ item, result }];
  });
  await pool.query(
    `update issuer.statement s
        set registered_revision = case when r.refused then s.registered_revision else r.revision end,
            register_code = r.code, register_detail = r.detail
       from unnest($1::text[], $2::bigint[], $3::boolean[], $4::text[], $5::text[]) as r(id, revision, refused, code, detail)
      where s.statement_id = r.id`,
    [
      kept.map(({ item }) => item.debtId),
      kept.map(({ item }) => item.revision),
      kept.map(({ result }) => result.status === 'REFUSED'),
      kept.map(({ result }) => result.code ?? null),
      kept.map(({ result }) => result.detail ?? null),
    ],
  );
}

export interface Untold {
  readonly debtId: string;
  readonly repaymentId: string;
  readonly amount: number;
  readonly paidAt: string;
}

/** Repayments that Kessai does not know: those by other ways than its wallet, of statements that were picked. */
export async function untoldRepayments(pool: Pool, limit: number): Promise<Untold[]> {
  const found = await pool.query<Omit<Untold, 'paidAt'> & { paidAt: Date }>(
    `select r.statement_id as "debtId", r.repayment_id as "repaymentId", r.amount, r.paid_at as "paidAt"
       from issuer.repayment r join issuer.statement s using (statement_id)
      where r.told_at is null and r.channel <> 'WALLET' and s.picked_at is not null
      order by r.booked_at, r.statement_id, r.repayment_id limit $1`,
    [limit],
  );
  return found.rows.map((row) => ({ ...row, paidAt: row.paidAt.toISOString() }));
}

/** @param refused why Kessai did not take it, if it did not */
export async function keepTold(pool: Pool, it: Untold, refused: string | undefined): Promise<void> {
  await pool.query(
    `update issuer.repayment set told_at = now(), told_code = $3 where statement_id = $1 and repayment_id = $2`,
    [it.debtId, it.repaymentId, refused ?? null],
  );
}
