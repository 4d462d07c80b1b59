import type { PaymentView } from '../../domain/payment/payment.ts';
import type { RefundView } from '../../domain/refund/refund.ts';

/** Something that must be told to the merchant's webhook and, if it has a payer, to the payer's devices. */
export interface ExpectedEvent {
  readonly type: string;
  readonly userId: string | undefined;
  readonly view: PaymentView | RefundView;
}

/** What the tills expected, what they were told, and what must follow from it elsewhere. */
export interface Books {
  /** Notes one outcome beside the one that was expected. */
  readonly outcome: (subject: string, expected: string, got: string) => void;
  /** Notes what a payment is now, and the event that goes with it; a payer's events come in this order. */
  readonly decided: (view: PaymentView, userId: string | undefined) => void;
  /** Notes what a payment has become without an event for its merchant: confirmed by a journal, resolved, given back. */
  readonly became: (view: PaymentView) => void;
  /** Notes the end of a refund, and the event that goes with it. */
  readonly refunded: (view: RefundView, userId: string | undefined) => void;
  readonly latency: (latencyMs: number) => void;
  readonly fault: (sentence: string) => void;
  readonly outcomes: ReadonlyMap<string, { expected: number; got: number }>;
  /** The last answer about each payment, by `merchantPaymentId`. */
  readonly answers: ReadonlyMap<string, PaymentView>;
  readonly events: readonly ExpectedEvent[];
  readonly latenciesMs: readonly number[];
  readonly faults: readonly string[];
}

export function openBooks(): Books {
  const outcomes = new Map<string, { expected: number; got: number }>();
  const answers = new Map<string, PaymentView>();
  const events: ExpectedEvent[] = [];
  const latenciesMs: number[] = [];
  const faults: string[] = [];
  const count = (name: string, side: 'expected' | 'got'): void => {
    const row = outcomes.get(name) ?? { expected: 0, got: 0 };
    row[side] += 1;
    outcomes.set(name, row);
  };
  return {
    outcome(subject, expected, got) {
      count(expected, 'expected');
      count(got, 'got');
      if (got !== expected) faults.push(`${subject}: expected ${expected}, got ${got}`);
    },
    decided(view, userId) {
      answers.set(view.merchantPaymentId, view);
      events.push({ type: `payment.${view.status.toLowerCase()}`, userId, view });
    },
    became: (view) => answers.set(view.merchantPaymentId, view),
    refunded: (view, userId) => events.push({ type: `refund.${view.status.toLowerCase()}`, userId, view }),
    latency: (latencyMs) => latenciesMs.push(latencyMs),
    fault: (sentence) => faults.push(sentence),
    outcomes,
    answers,
    events,
    latenciesMs,
    faults,
  };
}
