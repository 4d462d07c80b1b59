import { setTimeout as sleep } from 'node:timers/promises';
import type { PaymentView } from '../../../domain/payment/payment.ts';
import type { RefundView } from '../../../domain/refund/refund.ts';
import { ask, demand, GaveUp, GIVE_UP_MS } from '../http.ts';
import { addActor, sellOnline, type Actor, type Stage } from './scene.ts';

const BALANCE_YEN = 30_000;
const POLL_MS = 1_000;
export const EXCEEDS = '422 REFUND_EXCEEDS_REMAINING';

/** Articles come back: a third, another one, all that is left; then somebody tries one yen more. */
export async function giveBack(stage: Stage): Promise<void> {
  const scene = 'refund, balance';
  const actor = await addActor(stage, 'refunded', BALANCE_YEN);
  const paid = await sellOnline(stage, { scene, actor, expected: 'COMPLETED' });
  if (paid === undefined) return;
  const third = Math.floor(paid.amount / 3);
  let payment = paid;
  for (const amount of [third, third, paid.amount - 2 * third])
    payment = await refund(stage, { scene, actor, payment, amount, expected: 'COMPLETED' });
  await refund(stage, { scene, actor, payment, amount: 1, expected: EXCEEDS });
}

/**
 * Asks for a refund, keeps at it until it is decided, and books what was expected and what came of it.
 * @param it.payment the payment as it is before
 * @returns the payment as it must be after it
 */
export async function refund(
  { world, books, tills }: Stage,
  it: { scene: string; actor: Actor; payment: PaymentView; amount: number; expected: string },
): Promise<PaymentView> {
  const { scene, actor, payment, amount } = it;
  const merchantRefundId = `${tills[0].nextId()}-back`;
  const path = `/v1/payments/${payment.merchantPaymentId}/refunds`;
  const answer = await ask(world.tills, 'POST', path, { merchantRefundId, amount, reason: 'demo' });
  const startedMs = Date.now();
  const look = async (): Promise<RefundView> =>
    (await demand(world.tills, 'GET', `${path}/${merchantRefundId}`)) as unknown as RefundView;
  let view = await look();
  while (view.status === 'IN_PROGRESS') {
    if (Date.now() - startedMs > GIVE_UP_MS)
      throw new GaveUp(`${merchantRefundId} was still IN_PROGRESS after ${GIVE_UP_MS / 1000} s`);
    await sleep(POLL_MS);
    view = await look();
  }
  const refused = `${answer.status} ${String((answer.body as { code?: string }).code)}`;
  const got = answer.status >= 400 ? refused : view.status;
  books.outcome(merchantRefundId, `${scene}: ${backAs(it.expected)}`, `${scene}: ${backAs(got)}`);
  const isBack = view.status === 'COMPLETED';
  books.refunded(view, isBack ? actor.payer.userId : undefined);
  if (!isBack) return payment;
  if (payment.fundingSource === 'BALANCE') actor.payer.balance += amount;
  const refundedAmount = payment.refundedAmount + amount;
  const status = refundedAmount === payment.amount ? 'REFUNDED' : payment.status;
  const after = { ...payment, refundedAmount, status };
  books.became(after);
  return after;
}

/** A payment's end and a refund's are rows of their own. */
function backAs(outcome: string): string {
  return outcome === 'COMPLETED' ? 'part given back' : outcome;
}
