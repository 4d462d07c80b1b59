import { isDeepStrictEqual } from 'node:util';
import { formatCode, PREFIX_LENGTH } from '../../domain/code/format.ts';
import type { Books } from './books.ts';
import type { VisitKind } from './plan.ts';
import type { Random } from './random.ts';
import { fillBasket, withGiftCard, type Basket } from './shelf.ts';
import { cancel, pay, type PaymentBody, type TillAnswer } from './till.ts';
import { fetchCode, topUp, type Payer, type World } from './world.ts';

/** A till of the day. */
export interface Till {
  readonly storeId: string;
  readonly terminalId: string;
  readonly nextId: () => string;
}

/** A payer at a till, alone there until the visit is over: what happens to the payer has one order. */
export interface Visit {
  readonly world: World;
  readonly books: Books;
  readonly random: Random;
  readonly till: Till;
  readonly payer: Payer;
  /** Amounts that this payer has paid in the day. */
  readonly taken: Set<number>;
}

const TOP_UP_BELOW = 20_000;
const TOP_UP = 50_000;

/** Plays one visit and books what was expected and what came of it. */
export async function play(kind: VisitKind, visit: Visit): Promise<void> {
  if (visit.payer.balance < TOP_UP_BELOW) await topUp(visit.world, visit.payer, TOP_UP);
  await SCRIPTS[kind](visit);
}

const SCRIPTS: Readonly<Record<VisitKind, (visit: Visit) => Promise<void>>> = {
  async plain(visit) {
    await take(visit, await order(visit), 'COMPLETED');
  },
  async insufficientThenLess(visit) {
    const basket = fillBasket(visit.random, visit.taken);
    const dear = withGiftCard(basket, visit.payer.balance);
    await take(visit, await order(visit, dear), 'DECLINED INSUFFICIENT_FUNDS');
    await take(visit, await order(visit, basket), 'COMPLETED');
  },
  async similarThenAccepted(visit) {
    const basket = fillBasket(visit.random, visit.taken);
    await take(visit, await order(visit, basket), 'COMPLETED');
    await take(visit, await order(visit, basket), 'DECLINED SIMILAR_PAYMENT');
    await take(visit, { ...(await order(visit, basket)), acceptSimilar: true }, 'COMPLETED');
  },
  async usedCodeAgain(visit) {
    const first = await order(visit);
    await take(visit, first, 'COMPLETED');
    const { amount, items } = fillBasket(visit.random, visit.taken);
    const second = { ...first, merchantPaymentId: visit.till.nextId(), amount, items };
    await take(visit, second, 'DECLINED CODE_ALREADY_USED');
  },
  async sentTwiceAtOnce(visit) {
    const body = await order(visit);
    const [one, other] = await Promise.all([pay(visit.world.tills, body), pay(visit.world.tills, body)]);
    book(visit, body, one, 'COMPLETED', visit.payer.userId);
    visit.books.outcome(`${body.merchantPaymentId} sent twice`, 'repeat: same answer', compare(one, other));
  },
  async sentWithOtherBody(visit) {
    const body = await order(visit);
    await take(visit, body, 'COMPLETED');
    const answer = await pay(visit.world.tills, { ...body, amount: body.amount + 1 });
    expectRefusal(visit, body, answer, 'repeat with another body: 422 IDEMPOTENCY_MISMATCH');
  },
  async cancelAfter(visit) {
    const body = await order(visit);
    await take(visit, body, 'COMPLETED');
    await takeBack(visit, body);
  },
  async cancelBefore(visit) {
    const body = await order(visit);
    const answer = await cancel(visit.world.tills, body.merchantPaymentId);
    const got = answer.kind === 'decided' ? `cancel before create: ${answer.view.status}` : nameOf(answer);
    visit.books.outcome(body.merchantPaymentId, 'cancel before create: CANCELED', got);
    await take(visit, body, 'DECLINED CANCELED');
  },
  async unknownCode(visit) {
    const known = await order(visit);
    const digits = Array.from({ length: 16 }, () => String(visit.random.int(0, 9))).join('');
    const code = formatCode(known.code.slice(0, PREFIX_LENGTH), 'ONLINE', digits);
    const body = { ...known, code };
    // Nobody knows whose code it is, so no payer hears of it.
    book(visit, body, await pay(visit.world.tills, body), 'DECLINED CODE_INVALID', undefined);
  },
  async misreadCode(visit) {
    const body = await order(visit);
    const lastDigit = (Number(body.code.slice(-1)) + 1) % 10;
    const misread = await pay(visit.world.tills, { ...body, code: `${body.code.slice(0, -1)}${lastDigit}` });
    expectRefusal(visit, body, misread, 'misread code: 400 INVALID_REQUEST');
    // Nothing was written: the same id and the same code are as good as new.
    await take(visit, body, 'COMPLETED');
  },
};

/** A basket with a fresh code, ready to be sent. */
async function order(
  { till, payer, random, taken }: Visit,
  basket: Basket = fillBasket(random, taken),
): Promise<PaymentBody> {
  taken.add(basket.amount);
  return {
    merchantPaymentId: till.nextId(),
    code: await fetchCode(payer),
    amount: basket.amount,
    currency: 'JPY',
    storeId: till.storeId,
    terminalId: till.terminalId,
    items: basket.items,
  };
}

async function take(visit: Visit, body: PaymentBody, expected: string): Promise<void> {
  book(visit, body, await pay(visit.world.tills, body), expected, visit.payer.userId);
}

function book(
  { books, payer }: Visit,
  body: PaymentBody,
  answer: TillAnswer,
  expected: string,
  userId: string | undefined,
): void {
  books.outcome(body.merchantPaymentId, expected, nameOf(answer));
  if (answer.kind === 'refused') return;
  books.latency(answer.latencyMs);
  books.decided(answer.view, userId);
  if (answer.view.status === 'COMPLETED') payer.balance -= answer.view.amount;
}

async function takeBack({ world, books, payer }: Visit, body: PaymentBody): Promise<void> {
  const answer = await cancel(world.tills, body.merchantPaymentId);
  const got = answer.kind === 'decided' ? `cancel after: ${answer.view.status}` : nameOf(answer);
  books.outcome(body.merchantPaymentId, 'cancel after: CANCELED', got);
  if (answer.kind === 'refused' || answer.view.status !== 'CANCELED') return;
  books.decided(answer.view, payer.userId);
  payer.balance += body.amount;
}

function expectRefusal({ books }: Visit, body: PaymentBody, answer: TillAnswer, expected: string): void {
  const [what = ''] = expected.split(':');
  books.outcome(body.merchantPaymentId, expected, `${what}: ${nameOf(answer)}`);
}

/** A till's answer in a word or two, as the table has it. */
export function nameOf(answer: TillAnswer): string {
  if (answer.kind === 'refused') return `${answer.status} ${answer.code}`;
  const { status, declineCode } = answer.view;
  return declineCode === undefined ? status : `${status} ${declineCode}`;
}

/** Both must have heard the same, and one of them that it was the second; who had to ask again cannot know. */
function compare(one: TillAnswer, other: TillAnswer): string {
  if (one.kind === 'refused' || other.kind === 'refused') return `repeat: ${nameOf(one)}, ${nameOf(other)}`;
  if (!isDeepStrictEqual(one.view, other.view)) return 'repeat: another answer';
  const repeats = [one, other].filter((it) => it.isRepeat).length;
  const isKnown = !one.hadTrouble && !other.hadTrouble;
  return isKnown && repeats !== 1 ? `repeat: ${repeats} of 2 marked as repeats` : 'repeat: same answer';
}
