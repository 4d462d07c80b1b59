import { inTransaction, type Pool, type Transaction } from '../shared/database.ts';
import { openLock, shutLock } from './locks.ts';
import { send } from './messages.ts';
import { placeOf } from './places.ts';
import type { Completion } from './schemas.ts';
import { answeredBefore, exitBy, isEnough, keepAnswer, keepPayment, owedBy } from './settling.ts';
import { lockStay } from './stays.ts';

export type Outcome = 'RELEASED' | 'NOT_RELEASED' | 'ALREADY_SETTLED';

export interface CompletionAnswer {
  readonly settlementId: string;
  readonly outcome: Outcome;
}

export interface CompletionOptions {
  /** A broken gate: opens at each call. */
  readonly opensTwice: boolean;
  /** The outcome goes to Kessai by a message of its own. */
  readonly answersLater: boolean;
}

const AS_USUAL: CompletionOptions = { opensTwice: false, answersLater: false };

/**
 * Kessai says that a stay is paid. Takes it once and opens once, in one transaction; asked again it gives the first outcome.
 * `releasedBy` is not part of what makes two requests the same: by then a person may have opened.
 * @throws {Problem} IDEMPOTENCY_MISMATCH if the settlement was another one
 */
export async function complete(
  pool: Pool,
  it: Completion,
  now: Date,
  options: CompletionOptions = AS_USUAL,
): Promise<CompletionAnswer> {
  const { releasedBy: _, ...request } = it;
  return inTransaction(pool, async (tx) => {
    const stored = await answeredBefore<CompletionAnswer>(tx, 'COMPLETION', it.settlementId, request);
    const outcome = await outcomeOf(tx, it, now, stored);
    const answer = { settlementId: it.settlementId, outcome };
    if (stored?.answer == null) {
      await keepAnswer(tx, 'COMPLETION', it.settlementId, { request, answer });
    } else if (options.opensTwice && stored.answer.outcome === 'RELEASED') {
      await openLock(tx, it.sessionId, { cause: 'KESSAI', at: now, paymentId: it.settlementId });
    }
    if (options.answersLater) await tellOutcome(tx, answer);
    return answer;
  });
}

async function outcomeOf(
  tx: Transaction,
  it: Completion,
  now: Date,
  stored: { answer: CompletionAnswer | null; canceledAt: Date | null } | undefined,
): Promise<Outcome> {
  // Also after it was released: who cancels hears from then on that nothing is.
  if (stored?.canceledAt != null) return 'NOT_RELEASED';
  return stored?.answer?.outcome ?? settle(tx, it, now);
}

async function settle(tx: Transaction, it: Completion, now: Date): Promise<Outcome> {
  const stay = await lockStay(tx, it.sessionId);
  const isMeant =
    stay?.placeId === it.placeId && (it.space == null || stay.space === null || stay.space === it.space);
  if (stay === undefined || !isMeant) return 'NOT_RELEASED';
  const place = await placeOf(tx, stay.placeId);
  const owed = await owedBy(tx, place, stay, it.paidAt);
  if (owed.isSettled) return 'ALREADY_SETTLED';
  const { settlementId, sessionId, amount, currency, paidAt } = it;
  if (!(await isEnough(tx, { place, stay, owed, amount, currency, paidAt }))) return 'NOT_RELEASED';
  await keepPayment(tx, {
    paymentId: settlementId,
    sessionId,
    payer: 'KESSAI',
    amount,
    paidAt,
    exitBy: exitBy(place, now, it.exitBy),
  });
  // A person has opened already, or the car is gone: booked, and nothing moves. A barrier opens at the exit.
  const opens = it.releasedBy == null && stay.endedAt === null && stay.space !== null;
  if (opens) await openLock(tx, sessionId, { cause: 'KESSAI', at: now, paymentId: settlementId });
  return 'RELEASED';
}

async function tellOutcome(tx: Transaction, { settlementId, outcome }: CompletionAnswer): Promise<void> {
  await send(tx, {
    subject: `settlement ${settlementId}`,
    method: 'POST',
    path: `/v1/parking/settlements/${encodeURIComponent(settlementId)}/confirmations`,
    body: { eventId: `outcome-${settlementId}`.slice(0, 64), outcome },
  });
}

export interface CancellationAnswer {
  readonly settlementId: string;
  readonly outcome: 'CANCELED' | 'TOO_LATE';
}

/**
 * Kessai takes a payment back: while the car is there the stay owes again and its flap goes up. Of an id never seen it leaves a
 * tombstone.
 */
export async function cancel(pool: Pool, settlementId: string, now: Date): Promise<CancellationAnswer> {
  return inTransaction(pool, async (tx) => {
    const stored = await answeredBefore<CompletionAnswer>(tx, 'COMPLETION', settlementId);
    if (stored?.canceledAt != null) return { settlementId, outcome: 'CANCELED' };
    if (!(await takeBack(tx, settlementId, now))) return { settlementId, outcome: 'TOO_LATE' };
    await tx.query(
      `insert into parking_operator.answered (kind, request_id, canceled_at) values ('COMPLETION', $1, $2)
       on conflict (kind, request_id) do update set canceled_at = excluded.canceled_at`,
      [settlementId, now],
    );
    return { settlementId, outcome: 'CANCELED' };
  });
}

/** False if the car has left on it. */
async function takeBack(tx: Transaction, settlementId: string, now: Date): Promise<boolean> {
  const found = await tx.query<{ sessionId: string }>(
    'select session_id as "sessionId" from parking_operator.payment where payment_id = $1',
    [settlementId],
  );
  const [payment] = found.rows;
  if (payment === undefined) return true;
  const stay = await lockStay(tx, payment.sessionId);
  if (stay?.endedAt !== null) return false;
  await tx.query('update parking_operator.payment set canceled_at = $2 where payment_id = $1', [
    settlementId,
    now,
  ]);
  await shutLock(tx, payment.sessionId, now);
  return true;
}
