import type { Contradiction } from '../domain/credit/operator-word.ts';
import type { RepaymentFailCode, RepaymentOrder, RepaymentView } from '../domain/repayment/repayment.ts';
import { oneRow, rows, type Db } from './pool.ts';

/** A stored repayment from the wallet and what its callers need around it. */
export interface StoredRepayment {
  readonly view: RepaymentView;
  readonly issuerId: string;
  readonly userId: string;
  readonly requestHash: string;
  readonly attemptId: string;
  /** True if this call found the repayment's state instead of bringing it about. */
  readonly replayed: boolean;
  /** The debt's campaign has something to do about it. */
  readonly wake: boolean;
}

/** A repayment by the ids that make it one. */
export interface RepaymentKey {
  readonly issuerId: string;
  readonly debtId: string;
  readonly repaymentId: string;
}

/** Reserves the money of a repayment, or finds what was decided. Times are RFC 3339 in UTC. */
export async function beginRepayment(
  db: Db,
  request: RepaymentOrder & { readonly requestedAt: string; readonly decidedAt: string },
): Promise<StoredRepayment> {
  const statement = { name: 'repayment_begin', text: 'select repayment_begin($1::jsonb) as outcome' };
  return (await oneRow<{ outcome: StoredRepayment }>(db, statement, [JSON.stringify(request)])).outcome;
}

/** How a repayment ends: COMPLETED without `failCode`. `resolver` and `resolution` close its break, if any. */
export interface FinishRepaymentRequest extends RepaymentKey {
  readonly failCode?: RepaymentFailCode | undefined;
  readonly resolver: string;
  readonly resolution: string;
  /** Opens one more break, about what an operator said and the issuer did not bear out. */
  readonly contradiction?: Contradiction | undefined;
  readonly decidedAt: string;
}

/** Ends a repayment that is IN_PROGRESS, or finds its end. */
export async function finishRepayment(db: Db, request: FinishRepaymentRequest): Promise<StoredRepayment> {
  const statement = { name: 'repayment_finish', text: 'select repayment_finish($1::jsonb) as outcome' };
  return (await oneRow<{ outcome: StoredRepayment }>(db, statement, [JSON.stringify(request)])).outcome;
}

/** Records that nobody could find out what became of a repayment at its issuer. */
export async function giveUpRepayment(
  db: Db,
  request: RepaymentKey & { readonly detail: string; readonly openedAt: string },
): Promise<void> {
  const statement = { name: 'repayment_give_up', text: 'select repayment_give_up($1::jsonb)' };
  await rows(db, statement, [JSON.stringify(request)]);
}

/** What a user's request is about: the repayment of that id, if there is one, and the user's debt, if there is. */
export interface RepaymentTarget {
  readonly stored: StoredRepayment | null;
  readonly debt: { readonly issuerId: string; readonly currency: string; readonly payable: number } | null;
}

/** Looks up both. If two issuers use one id for a user's debts, the open one, or the one registered last, is meant. */
export async function findRepaymentTarget(
  db: Db,
  userId: string,
  debtId: string,
  repaymentId: string,
): Promise<RepaymentTarget> {
  const statement = {
    name: 'repayment_target',
    text: `select (select repayment_outcome(w, true) from wallet_repayment w
                    where w.user_id = $1 and w.debt_id = $2 and w.repayment_id = $3) as stored,
                  (select json_build_object('issuerId', d.issuer_id, 'currency', d.currency, 'payable', debt_payable(d)) from debt d
                    where d.user_id = $1 and d.debt_id = $2
                    order by (d.closed_at is null) desc, d.registered_at desc limit 1) as debt`,
  };
  return oneRow<{ [Key in keyof RepaymentTarget]: RepaymentTarget[Key] }>(db, statement, [
    userId,
    debtId,
    repaymentId,
  ]);
}
