import type { PaymentView } from '../../../domain/payment/payment.ts';
import type { Books } from '../books.ts';
import type { Random } from '../random.ts';
import { fillBasket, type Basket } from '../shelf.ts';
import { pay, type PaymentBody, type TillAnswer } from '../till.ts';
import { nameOf, type Till } from '../visit.ts';
import { addPayers, fetchCode, topUp, type Payer, type World } from '../world.ts';

/** Where scenes are played: beside the day, at tills and with payers of their own. */
export interface Stage {
  readonly world: World;
  readonly books: Books;
  readonly random: Random;
  /** Two, for what happens at two tills at once. */
  readonly tills: readonly [Till, Till];
  /** Everybody who pays, for the proof. */
  readonly payers: Payer[];
}

/** Somebody who pays in a scene. */
export interface Actor {
  readonly payer: Payer;
  /** Amounts paid, so that no payment is similar by chance. */
  readonly taken: Set<number>;
}

/** A new payer with a phone and, if it is given, a balance in yen. */
export async function addActor({ world, payers }: Stage, name: string, balance: number): Promise<Actor> {
  const [payer] = await addPayers(world, [name]);
  if (payer === undefined) throw new Error('no payer was made');
  payers.push(payer);
  if (balance > 0) await topUp(world, payer, balance);
  return { payer, taken: new Set() };
}

/** A basket and the code that a phone has shown, ready to be sent from a till. */
export function orderAt(
  { random }: Stage,
  till: Till,
  { taken }: Actor,
  code: string,
  basket: Basket = fillBasket(random, taken),
): PaymentBody {
  taken.add(basket.amount);
  return {
    merchantPaymentId: till.nextId(),
    code,
    amount: basket.amount,
    currency: 'JPY',
    storeId: till.storeId,
    terminalId: till.terminalId,
    items: basket.items,
  };
}

/**
 * Books a till's answer beside what was expected.
 * @param scene what the row of the table begins with
 * @param userId who hears of it; undefined when nobody is charged
 * @returns the payment if it is the one that was expected
 */
export function bookAnswer(
  { books }: Stage,
  it: { scene: string; body: PaymentBody; answer: TillAnswer; expected: string; actor: Actor | undefined },
): PaymentView | undefined {
  const got = nameOf(it.answer);
  books.outcome(it.body.merchantPaymentId, `${it.scene}: ${it.expected}`, `${it.scene}: ${got}`);
  if (it.answer.kind === 'refused') return undefined;
  const { view } = it.answer;
  books.decided(view, it.actor?.payer.userId);
  if (it.actor !== undefined && view.status === 'COMPLETED' && view.fundingSource === 'BALANCE')
    it.actor.payer.balance -= view.amount;
  return got === it.expected ? view : undefined;
}

/** One payment with a code that is on the screen. */
export async function sell(
  stage: Stage,
  it: { scene: string; actor: Actor; code: string; expected: string; basket?: Basket },
): Promise<PaymentView | undefined> {
  const body = orderAt(stage, stage.tills[0], it.actor, it.code, it.basket);
  return bookAnswer(stage, { ...it, body, answer: await pay(stage.world.tills, body) });
}

/** One payment with a code of the server's. */
export async function sellOnline(
  stage: Stage,
  it: { scene: string; actor: Actor; expected: string; basket?: Basket },
): Promise<PaymentView | undefined> {
  return sell(stage, { ...it, code: await fetchCode(it.actor.payer) });
}
