import { isDeepStrictEqual } from 'node:util';
import { inTransaction, type Pool, type Transaction } from '../shared/database.ts';
import { Problem } from '../shared/problem.ts';
import { feeOf, taxIn, type FeeLine } from './fee.ts';
import { placeOf, type Place } from './places.ts';
import { findOpenStay, noStay, type Stay } from './stays.ts';
import type { Where } from './schemas.ts';

const MINUTE_MS = 60_000;

/** What a stay owes at a time. */
export interface Owed {
  /** Minor units; 0 within the time that was paid for. */
  readonly amount: number;
  /** Sum to the amount. */
  readonly lines: readonly FeeLine[];
  readonly isSettled: boolean;
  readonly validUntil: Date;
}

/** What was taken for a stay and not given back: the sum, and until when the driver may leave. */
async function paidFor(
  db: Pool | Transaction,
  sessionId: string,
): Promise<{ amount: number; exitBy: Date | null }> {
  const found = await db.query<{ amount: number; exitBy: Date | null }>(
    `select coalesce(sum(amount), 0)::bigint as amount, max(exit_by) as "exitBy" from parking_operator.payment
      where session_id = $1 and canceled_at is null`,
    [sessionId],
  );
  return found.rows[0] ?? { amount: 0, exitBy: null };
}

/** The fee so far less what was paid; nothing while the driver still has time to leave. */
export async function owedBy(db: Pool | Transaction, place: Place, stay: Stay, at: Date): Promise<Owed> {
  const fee = feeOf(place.tariff, stay.startedAt, at);
  const paid = await paidFor(db, stay.sessionId);
  if (paid.exitBy !== null && at <= paid.exitBy) {
    return { amount: 0, lines: [], isSettled: true, validUntil: paid.exitBy };
  }
  const amount = Math.max(fee.amount - paid.amount, 0);
  const before = paid.amount === 0 ? [] : [{ description: 'Paid before', amount: amount - fee.amount }];
  // Nothing more comes to what was paid at most for the day.
  return { amount, lines: [...fee.lines, ...before], isSettled: amount === 0, validUntil: fee.validUntil };
}

export interface FeeAnswer extends Owed {
  readonly sessionId: string;
  readonly startedAt: Date;
  readonly currency: string;
  readonly taxRatePercent: number;
  readonly taxAmount: number;
}

/**
 * Tells what a stay owes, and keeps it: a payment of this amount is enough as long as it is valid.
 * @throws {Problem} NOT_FOUND
 */
export async function calculateFee(pool: Pool, it: Where, at: Date): Promise<FeeAnswer> {
  return inTransaction(pool, async (tx) => {
    const stay = await findOpenStay(tx, it);
    if (stay === undefined) throw noStay();
    const place = await placeOf(tx, stay.placeId);
    const owed = await owedBy(tx, place, stay, at);
    await tx.query(
      'insert into parking_operator.calculation (session_id, amount, valid_until) values ($1, $2, $3)',
      [stay.sessionId, owed.amount, owed.validUntil],
    );
    const { currency, taxRatePercent } = place.tariff;
    return {
      sessionId: stay.sessionId,
      startedAt: stay.startedAt,
      ...owed,
      currency,
      taxRatePercent,
      taxAmount: taxIn(owed.amount, taxRatePercent),
    };
  });
}

/** Whether an amount is what was owed at that time, or what was calculated and still valid. */
export async function isEnough(
  tx: Transaction,
  it: { place: Place; stay: Stay; owed: Owed; amount: number; currency: string; paidAt: Date },
): Promise<boolean> {
  if (it.currency !== it.place.tariff.currency) return false;
  if (it.amount >= it.owed.amount || it.place.acceptsOtherFees) return true;
  const told = await tx.query(
    `select from parking_operator.calculation
      where session_id = $1 and amount > 0 and amount <= $2 and valid_until >= $3 limit 1`,
    [it.stay.sessionId, it.amount, it.paidAt],
  );
  return told.rowCount === 1;
}

export async function keepPayment(
  tx: Transaction,
  it: {
    paymentId: string;
    sessionId: string;
    payer: 'MACHINE' | 'KESSAI';
    amount: number;
    paidAt: Date;
    exitBy: Date;
  },
): Promise<void> {
  await tx.query(
    `insert into parking_operator.payment (payment_id, session_id, payer, amount, paid_at, exit_by) values ($1, $2, $3, $4, $5, $6)`,
    [it.paymentId, it.sessionId, it.payer, it.amount, it.paidAt, it.exitBy],
  );
}

/** Until when a driver may leave for whom it opens now: nobody pays for a payment that was told late. */
export function exitBy({ tariff }: Place, now: Date, promised: Date = now): Date {
  return new Date(Math.max(promised.getTime(), now.getTime() + tariff.exitGraceMinutes * MINUTE_MS));
}

export interface Answered<Answer> {
  readonly request: unknown;
  readonly answer: Answer | null;
  readonly canceledAt: Date | null;
}

/**
 * What was answered to a request before, and nobody else asks under its id until the transaction ends.
 * @throws {Problem} IDEMPOTENCY_MISMATCH if it was another request
 */
export async function answeredBefore<Answer>(
  tx: Transaction,
  kind: 'COMPLETION' | 'MACHINE',
  requestId: string,
  request?: object,
): Promise<Answered<Answer> | undefined> {
  await tx.query(
    `select pg_advisory_xact_lock(hashtextextended('parking operator ' || $1 || ' ' || $2, 0))`,
    [kind, requestId],
  );
  const found = await tx.query<Answered<Answer>>(
    `select request, answer, canceled_at as "canceledAt" from parking_operator.answered where kind = $1 and request_id = $2`,
    [kind, requestId],
  );
  const [stored] = found.rows;
  const isOther =
    request !== undefined &&
    stored !== undefined &&
    stored.request !== null &&
    !isDeepStrictEqual(stored.request, JSON.parse(JSON.stringify(request)));
  if (isOther) throw new Problem('IDEMPOTENCY_MISMATCH', 'This id was used before for something else.');
  return stored;
}

/** Keeps an answer for good; for a tombstone, what came too late for it. */
export async function keepAnswer(
  tx: Transaction,
  kind: 'COMPLETION' | 'MACHINE',
  requestId: string,
  it: { request: object; answer: object },
): Promise<void> {
  await tx.query(
    `insert into parking_operator.answered (kind, request_id, request, answer) values ($1, $2, $3, $4)
     on conflict (kind, request_id) do update set request = excluded.request, answer = excluded.answer`,
    [kind, requestId, JSON.stringify(it.request), JSON.stringify(it.answer)],
  );
}
