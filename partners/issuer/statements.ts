import type { Pool, Transaction } from '../shared/database.ts';

/** What a user owes for a month. Amounts are minor units. */
export interface Statement {
  readonly statementId: string;
  readonly userId: string;
  readonly month: string;
  readonly amount: number;
  readonly currency: string;
  readonly dueOn: string;
  readonly paid: number;
  readonly revision: number;
  /** The revision that Kessai knows; null before it was registered. */
  readonly registeredRevision: number | null;
  /** Why Kessai did not take it the last time. */
  readonly registerCode: string | null;
  /** How its campaign ended, as Kessai has told. */
  readonly campaignOutcome: string | null;
  /** Since when no phone of the user has given a sign, as Kessai has told. */
  readonly noSignalAt: string | null;
}

const STATEMENT = `statement_id as "statementId", user_id as "userId", month, amount, currency, due_on::text as "dueOn", paid, revision,
  registered_revision as "registeredRevision", register_code as "registerCode", campaign_outcome as "campaignOutcome",
  to_json(no_signal_at) as "noSignalAt"`;

/** Stores a statement, or changes its amount or due date under the next revision; undefined if anything else would change. */
export async function putStatement(
  pool: Pool,
  it: Pick<Statement, 'statementId' | 'userId' | 'month' | 'amount' | 'currency' | 'dueOn'>,
): Promise<Statement | undefined> {
  const stored = await pool.query<Statement>(
    `insert into issuer.statement as s (statement_id, user_id, month, amount, currency, due_on)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (statement_id) do update set amount = excluded.amount, due_on = excluded.due_on,
       revision = s.revision + case when (s.amount, s.due_on) = (excluded.amount, excluded.due_on) then 0 else 1 end
       where (s.user_id, s.month, s.currency) = (excluded.user_id, excluded.month, excluded.currency)
     returning ${STATEMENT}`,
    [it.statementId, it.userId, it.month, it.amount, it.currency, it.dueOn],
  );
  return stored.rows[0];
}

export async function findStatement(pool: Pool, statementId: string): Promise<Statement | undefined> {
  const found = await pool.query<Statement>(
    `select ${STATEMENT} from issuer.statement where statement_id = $1`,
    [statementId],
  );
  return found.rows[0];
}

export interface NewRepayment {
  readonly statementId: string;
  readonly repaymentId: string;
  readonly channel: 'WALLET' | 'BANK_DEBIT';
  readonly amount: number;
  readonly currency: string;
  /** RFC 3339. */
  readonly paidAt: string;
}

export type Booked =
  | 'BOOKED'
  | 'STATEMENT_UNKNOWN'
  | 'CURRENCY_MISMATCH'
  | 'REPAYMENT_ID_USED'
  | 'STATEMENT_PAID'
  | 'EXCEEDS_REMAINING';

/** Books what was paid of a statement, one after the other; what is more than is left is refused. */
export async function bookRepayment(tx: Transaction, it: NewRepayment): Promise<Booked> {
  const found = await tx.query<Statement>(
    `select ${STATEMENT} from issuer.statement where statement_id = $1 for update`,
    [it.statementId],
  );
  const [statement] = found.rows;
  if (statement === undefined) return 'STATEMENT_UNKNOWN';
  if (statement.currency !== it.currency) return 'CURRENCY_MISMATCH';
  const used = await tx.query(
    'select 1 from issuer.repayment where statement_id = $1 and repayment_id = $2',
    [it.statementId, it.repaymentId],
  );
  if (used.rowCount === 1) return 'REPAYMENT_ID_USED';
  if (statement.paid >= statement.amount) return 'STATEMENT_PAID';
  if (statement.paid + it.amount > statement.amount) return 'EXCEEDS_REMAINING';
  await tx.query(
    'insert into issuer.repayment (statement_id, repayment_id, channel, amount, paid_at) values ($1, $2, $3, $4, $5)',
    [it.statementId, it.repaymentId, it.channel, it.amount, it.paidAt],
  );
  await tx.query('update issuer.statement set paid = paid + $2 where statement_id = $1', [
    it.statementId,
    it.amount,
  ]);
  return 'BOOKED';
}
