import type { PaymentView } from '../../../domain/payment/payment.ts';
import { pay, type PaymentBody } from '../till.ts';
import { fetchCode, type Payer, type World } from '../world.ts';
import type { Basket } from './map.ts';

export interface PaidBasket {
  readonly basket: Basket;
  /** True if the cashier had to say that it is meant to be the same again. */
  readonly wasSimilar: boolean;
  readonly latenciesMs: readonly number[];
}

export interface Checkout {
  readonly world: World;
  readonly payer: Payer;
  readonly terminalId: string;
  /** The last answer about each payment, by `merchantPaymentId`. */
  readonly answers: Map<string, PaymentView>;
}

/**
 * Takes one basket, with its lines. SIMILAR_PAYMENT is asked back to the cashier, who accepts it.
 * @throws Error if it does not end as COMPLETED
 */
export async function payBasket(checkout: Checkout, basket: Basket): Promise<PaidBasket> {
  const id = `${checkout.world.runId}-${basket.basketId}`;
  const first = await attempt(checkout, basket, id, false);
  if (first.view.declineCode !== 'SIMILAR_PAYMENT') {
    settle(checkout.payer, first.view, basket);
    return { basket, wasSimilar: false, latenciesMs: [first.latencyMs] };
  }
  const second = await attempt(checkout, basket, `${id}-again`, true);
  settle(checkout.payer, second.view, basket);
  return { basket, wasSimilar: true, latenciesMs: [first.latencyMs, second.latencyMs] };
}

async function attempt(
  checkout: Checkout,
  basket: Basket,
  merchantPaymentId: string,
  acceptSimilar: boolean,
) {
  const { world, payer, terminalId, answers } = checkout;
  const body: PaymentBody = {
    merchantPaymentId,
    code: await fetchCode(payer),
    amount: basket.totalMinor,
    currency: 'JPY',
    storeId: basket.storeId,
    terminalId,
    receiptNumber: basket.basketId,
    items: basket.items,
    acceptSimilar,
  };
  const answer = await pay(world.tills, body);
  if (answer.kind === 'refused') throw new Error(`refused with ${answer.status} ${answer.code}`);
  answers.set(merchantPaymentId, answer.view);
  return answer;
}

function settle(payer: Payer, view: PaymentView, basket: Basket): void {
  if (view.status !== 'COMPLETED') {
    throw new Error(`${view.status} ${view.declineCode ?? ''}`.trim());
  }
  if (view.amount !== basket.totalMinor) {
    throw new Error(`paid ${view.amount} instead of ${basket.totalMinor}`);
  }
  payer.balance -= view.amount;
}
