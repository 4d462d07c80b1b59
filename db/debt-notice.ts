import type { DebtKey } from './debt.ts';
import { rows, type Db } from './pool.ts';

/** Payments with which users heard of a debt and of which the debt's campaign is to hear, oldest first. */
export async function listNoticesDue(
  db: Db,
  limit: number,
): Promise<(DebtKey & { readonly paymentId: string })[]> {
  const statement = {
    name: 'debt_notice_due',
    text: `select n.payment_id as "paymentId", n.issuer_id as "issuerId", n.debt_id as "debtId" from debt_notice n
            where n.is_due order by n.noticed_at limit $1`,
  };
  return rows<DebtKey & { paymentId: string }>(db, statement, [limit]);
}

export async function noticeTold(db: Db, paymentId: string): Promise<void> {
  const statement = {
    name: 'debt_notice_told',
    text: 'update debt_notice set is_due = false where payment_id = $1',
  };
  await rows(db, statement, [paymentId]);
}
