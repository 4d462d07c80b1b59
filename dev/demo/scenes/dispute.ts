import { OFFLINE_PERIOD_MS } from '../../../domain/code/offline.ts';
import { lookUp } from '../till.ts';
import { sendJournal } from './offline.ts';
import type { Operator } from './operator.ts';
import { createPhone, goOffline, untilRoomInStep } from './phone.ts';
import { addActor, sell, type Stage } from './scene.ts';

const BALANCE_YEN = 30_000;
const SCENE = 'dispute';

/**
 * A thief has copied a phone's key and pays with it. The phone's journal covers that time and does not have the payment: the
 * key ends at once, and an operator gives the money back.
 */
export async function disputePayment(stage: Stage, operator: Operator): Promise<void> {
  const { world, books } = stage;
  const actor = await addActor(stage, 'stolen-key', BALANCE_YEN);
  const phone = await goOffline(actor.payer, 0);
  const thief = createPhone(phone, () => Date.now());
  await untilRoomInStep();
  const stolen = await sell(stage, {
    scene: SCENE,
    actor,
    code: await thief.show(OFFLINE_PERIOD_MS),
    expected: 'COMPLETED',
  });
  if (stolen === undefined) return;
  const { merchantPaymentId, amount } = stolen;
  await sendJournal(actor, phone);
  const now = await lookUp(world.tills, merchantPaymentId);
  const outcome = (state: string): string => `${SCENE}, journal lacks it: ${state}`;
  books.outcome(merchantPaymentId, outcome('DISPUTED'), outcome(String(now?.reconciliation)));
  await sell(stage, {
    scene: `${SCENE}, stolen key again`,
    actor,
    code: await thief.show(),
    expected: 'DECLINED OFFLINE_KEY_STALE',
  });

  const resolved = await operator.resolveDispute(world.merchantId, {
    operator: 'operator of the demo',
    action: 'REFUND',
    reason: 'the phone was at home, says its owner',
  });
  const got = `${resolved.status} ${String(resolved.reconciliation)}`;
  books.outcome(
    merchantPaymentId,
    `${SCENE}, operator REFUND: REFUNDED RESOLVED`,
    `${SCENE}, operator REFUND: ${got}`,
  );
  books.became({ ...stolen, status: 'REFUNDED', refundedAmount: amount, reconciliation: 'RESOLVED' });
  actor.payer.balance += amount;
}
