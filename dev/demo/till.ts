import { setTimeout as sleep } from 'node:timers/promises';
import type { PaymentItem, PaymentView } from '../../domain/payment/payment.ts';
import { ask, GaveUp, GIVE_UP_MS, type Answer, type Caller } from './http.ts';

export interface PaymentBody {
  readonly merchantPaymentId: string;
  readonly code: string;
  readonly amount: number;
  readonly currency: 'JPY';
  readonly storeId: string;
  readonly terminalId: string;
  readonly receiptNumber?: string;
  readonly items?: readonly PaymentItem[];
  readonly acceptSimilar?: boolean;
}

/** What a till knows in the end. */
export type TillAnswer =
  | {
      readonly kind: 'decided';
      readonly view: PaymentView;
      readonly isRepeat: boolean;
      /** From the first send to the decision, with all waiting and asking again. */
      readonly latencyMs: number;
      /** True if it was sent more than once or asked for, so a repeat is no surprise. */
      readonly hadTrouble: boolean;
    }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string };

const POLL_MS = 2_000;

/**
 * Sends a payment and keeps at it until it is decided, as a real till does: the same id and body again when there is no
 * answer, GET every two seconds after 202.
 * @throws GaveUp when it is not decided within a minute
 */
export async function pay(caller: Caller, body: PaymentBody): Promise<TillAnswer> {
  const request = (): Promise<Answer> => ask(caller, 'POST', '/v1/payments', body);
  // A tombstone (it has no store) is what a cancel left before this request came: it is not the answer to this request.
  const isOver = (view: PaymentView): boolean => view.status !== 'IN_PROGRESS' && view.storeId !== undefined;
  return untilDecided(caller, body.merchantPaymentId, request, isOver);
}

/** Takes a payment back, and keeps at it until that is decided. */
export async function cancel(caller: Caller, merchantPaymentId: string): Promise<TillAnswer> {
  const path = `/v1/payments/${merchantPaymentId}/cancel`;
  const request = (): Promise<Answer> => ask(caller, 'POST', path, { reason: 'demo' });
  const isOver = ({ status }: PaymentView): boolean => status === 'CANCELED' || status === 'DECLINED';
  return untilDecided(caller, merchantPaymentId, request, isOver);
}

/** The payment as the API has it now; undefined if it has none. */
export async function lookUp(caller: Caller, merchantPaymentId: string): Promise<PaymentView | undefined> {
  const answer = await ask(caller, 'GET', `/v1/payments/${merchantPaymentId}`);
  return answer.status === 200 ? viewOf(answer) : undefined;
}

async function untilDecided(
  caller: Caller,
  merchantPaymentId: string,
  request: () => Promise<Answer>,
  isOver: (view: PaymentView) => boolean,
): Promise<TillAnswer> {
  const startedMs = performance.now();
  const elapsedMs = (): number => performance.now() - startedMs;
  for (;;) {
    const answer = await request();
    if (answer.status >= 400) {
      const { code } = answer.body as { code?: string };
      return { kind: 'refused', status: answer.status, code: code ?? '' };
    }
    if (answer.status !== 202) {
      const isRepeat = answer.headers.get('idempotency-hit') === 'true';
      const hadTrouble = answer.tries > 1;
      return { kind: 'decided', view: viewOf(answer), isRepeat, latencyMs: elapsedMs(), hadTrouble };
    }
    caller.trouble.inProgress += 1;
    for (;;) {
      await sleep(POLL_MS);
      const view = await lookUp(caller, merchantPaymentId);
      // Not known (any more): what the till holds is a request without an answer, so it sends it again.
      if (view === undefined) break;
      if (isOver(view)) {
        return { kind: 'decided', view, isRepeat: false, latencyMs: elapsedMs(), hadTrouble: true };
      }
      if (elapsedMs() > GIVE_UP_MS) {
        throw new GaveUp(`${merchantPaymentId} was still ${view.status} after ${GIVE_UP_MS / 1000} s`);
      }
    }
    if (elapsedMs() > GIVE_UP_MS) {
      throw new GaveUp(`${merchantPaymentId} was neither decided nor known after ${GIVE_UP_MS / 1000} s`);
    }
  }
}

function viewOf(answer: Answer): PaymentView {
  const view = answer.body as Partial<PaymentView> | undefined;
  if (view?.status === undefined || view.merchantPaymentId === undefined) {
    throw new Error(`an answer ${answer.status} is no payment: ${JSON.stringify(answer.body)}`);
  }
  return view as PaymentView;
}
