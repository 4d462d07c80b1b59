import { inTransaction, type Pool } from '../shared/database.ts';
import { openLock } from './locks.ts';
import { placeOf } from './places.ts';
import type { MachinePayment } from './schemas.ts';
import { answeredBefore, exitBy, keepAnswer, keepPayment, owedBy } from './settling.ts';
import { lockOpenStay } from './stays.ts';

export interface MachineAnswer {
  readonly machinePaymentId: string;
  readonly sessionId: string;
  /** ALREADY_SETTLED: it took nothing. */
  readonly outcome: 'PAID' | 'ALREADY_SETTLED';
  /** What it took, minor units. */
  readonly amount: number;
  readonly currency: string;
  readonly exitBy: string;
}

/**
 * A driver puts in what the stay owes and the flap opens, unless Kessai's completion was first: one of both wins under the
 * stay's lock. The same payment twice is one.
 * @throws {Problem} NOT_FOUND if no car is there, IDEMPOTENCY_MISMATCH
 */
export async function payAtMachine(pool: Pool, it: MachinePayment, now: Date): Promise<MachineAnswer> {
  return inTransaction(pool, async (tx) => {
    const stored = await answeredBefore<MachineAnswer>(tx, 'MACHINE', it.machinePaymentId, it);
    if (stored?.answer != null) return stored.answer;
    const stay = await lockOpenStay(tx, it);
    const place = await placeOf(tx, stay.placeId);
    const owed = await owedBy(tx, place, stay, now);
    const leaveBy = owed.isSettled ? owed.validUntil : exitBy(place, now);
    const answer: MachineAnswer = {
      machinePaymentId: it.machinePaymentId,
      sessionId: stay.sessionId,
      outcome: owed.isSettled ? 'ALREADY_SETTLED' : 'PAID',
      amount: owed.isSettled ? 0 : owed.amount,
      currency: place.tariff.currency,
      exitBy: leaveBy.toISOString(),
    };
    if (answer.outcome === 'PAID') {
      const { amount } = answer;
      const paymentId = `machine ${it.machinePaymentId}`;
      await keepPayment(tx, {
        paymentId,
        sessionId: stay.sessionId,
        payer: 'MACHINE',
        amount,
        paidAt: now,
        exitBy: leaveBy,
      });
      if (stay.space !== null) await openLock(tx, stay.sessionId, { cause: 'MACHINE', at: now, paymentId });
    }
    await keepAnswer(tx, 'MACHINE', it.machinePaymentId, { request: it, answer });
    return answer;
  });
}
