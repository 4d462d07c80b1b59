import { demand, noTrouble } from '../http.ts';
import { fillBasket, withGiftCard } from '../shelf.ts';
import { pay } from '../till.ts';
import { nameOf } from '../visit.ts';
import { fetchCode } from '../world.ts';
import type { IssuerStaff } from './issuer.ts';
import { EXCEEDS, refund } from './refund.ts';
import { addActor, bookAnswer, orderAt, sell, type Actor, type Stage } from './scene.ts';

const LIMIT_YEN = 20_000;
const SCENE = 'pay later';

/** A credit line of this run and what it must owe in the end, in yen. */
export interface CreditLine {
  readonly accountRef: string;
  owes: number;
}

/**
 * Customers pay on credit at the issuer: plain payments, partial refunds, one beyond the line, and one of which the issuer has
 * booked and does not answer.
 */
export async function payLater(
  stage: Stage,
  issuer: IssuerStaff,
  skip: (what: string) => void,
): Promise<CreditLine[]> {
  const lines: CreditLine[] = [];
  const open = async (name: string): Promise<{ actor: Actor; line: CreditLine }> => {
    const actor = await addActor(stage, name, 0);
    // The issuer's name for the account is no person's.
    const accountRef = `${stage.world.runId}-line-${lines.length + 1}`;
    const line = { accountRef, owes: 0 };
    lines.push(line);
    await issuer.openAccount(accountRef, LIMIT_YEN);
    const body = { issuerId: issuer.issuerId, accountRef };
    await demand(stage.world.admin, 'PUT', `/v1/users/${actor.payer.userId}/pay-later`, body);
    return { actor, line };
  };
  const buyer = await open('later-1');
  const returner = await open('later-2');
  const unlucky = await open('later-3');

  for (let bought = 0; bought < 3; bought += 1) {
    const code = await fetchCode(buyer.actor.payer, 'PAY_LATER');
    const paid = await sell(stage, { scene: SCENE, actor: buyer.actor, code, expected: 'COMPLETED' });
    buyer.line.owes += paid?.amount ?? 0;
  }
  await sell(stage, {
    scene: SCENE,
    actor: buyer.actor,
    code: await fetchCode(buyer.actor.payer, 'PAY_LATER'),
    basket: withGiftCard(fillBasket(stage.random, buyer.actor.taken), LIMIT_YEN),
    expected: 'DECLINED CREDIT_DECLINED',
  });
  await giveBack(stage, returner);
  if (await issuer.hasFaultSwitch()) await loseAnswer(stage, issuer, unlucky);
  else skip('a payment whose issuer does not answer: this issuer has no fault switch');
  return lines;
}

/** What was paid on credit goes back to the issuer. */
async function giveBack(stage: Stage, { actor, line }: { actor: Actor; line: CreditLine }): Promise<void> {
  const code = await fetchCode(actor.payer, 'PAY_LATER');
  const paid = await sell(stage, { scene: SCENE, actor, code, expected: 'COMPLETED' });
  if (paid === undefined) return;
  const scene = 'refund, pay later';
  const third = Math.floor(paid.amount / 3);
  let payment = paid;
  for (const amount of [third, third])
    payment = await refund(stage, { scene, actor, payment, amount, expected: 'COMPLETED' });
  await refund(stage, { scene, actor, payment, amount: paid.amount - third, expected: EXCEEDS });
  line.owes += payment.amount - payment.refundedAmount;
}

/** The issuer books and its answer is lost: the till hears IN_PROGRESS and asks until the look-up by the same key has told. */
async function loseAnswer(
  stage: Stage,
  issuer: IssuerStaff,
  { actor, line }: { actor: Actor; line: CreditLine },
): Promise<void> {
  const scene = 'pay later, answer lost';
  const body = orderAt(stage, stage.tills[0], actor, await fetchCode(actor.payer, 'PAY_LATER'));
  const trouble = noTrouble();
  await issuer.loseNextAnswer();
  const answer = await pay({ ...stage.world.tills, trouble }, body);
  const heard = trouble.inProgress > 0 ? '202 IN_PROGRESS' : nameOf(answer);
  stage.books.outcome(body.merchantPaymentId, `${scene}: 202 IN_PROGRESS`, `${scene}: ${heard}`);
  const paid = bookAnswer(stage, {
    scene: `${scene}, asked again`,
    body,
    answer,
    expected: 'COMPLETED',
    actor,
  });
  line.owes += paid?.amount ?? 0;
}
