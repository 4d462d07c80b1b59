import { isDeepStrictEqual } from 'node:util';
import type { RefundView } from '../../domain/refund/refund.ts';
import type { ExpectedEvent } from './books.ts';
import type { StreamEvent } from './event-stream.ts';
import type { Delivery } from './webhook-receiver.ts';

export interface WebhookCheck {
  readonly expected: number;
  readonly came: number;
  /** Deliveries of an event that had come before, after a failure on purpose or for another reason. */
  readonly repeats: number;
  readonly faults: readonly string[];
}

/** Holds what came to the merchant's webhook against what had to come: each event, with the body it had then. */
export function checkWebhooks(
  expected: readonly ExpectedEvent[],
  deliveries: readonly Delivery[],
): WebhookCheck {
  const accepted = deliveries.filter((it) => it.accepted);
  const byKey = new Map(accepted.map((it) => [keyOf(it.type, it.body), it]));
  const faults: string[] = [];
  for (const { type, view } of expected) {
    const key = keyOf(type, view);
    const delivery = byKey.get(key);
    if (delivery === undefined) faults.push(`webhook ${key} has not come`);
    else if (!isDeepStrictEqual(delivery.body, view)) faults.push(`webhook ${key} has another body`);
    byKey.delete(key);
  }
  for (const key of byKey.keys()) faults.push(`webhook ${key} came and was not expected`);
  const came = new Set(accepted.map((it) => keyOf(it.type, it.body))).size;
  if (came !== accepted.length) faults.push(`${accepted.length - came} events came under two webhook ids`);
  const tries = deliveries.reduce((sum, it) => sum + it.tries, 0);
  return { expected: expected.length, came, repeats: tries - deliveries.length, faults };
}

/** Holds what a device heard against what happened to its user: each event once, in order, numbered without a gap. */
export function checkStream(
  userId: string,
  expected: readonly ExpectedEvent[],
  events: readonly StreamEvent[],
): string[] {
  const mine = expected.filter((it) => it.userId === userId);
  const faults: string[] = [];
  if (events.length !== mine.length) {
    faults.push(`device of ${userId} heard ${events.length} events, ${mine.length} happened`);
  }
  events.forEach((event, index) => {
    const heard = keyOf(event.type, event.data);
    const happened = mine[index];
    const wanted = happened === undefined ? 'nothing' : keyOf(happened.type, happened.view);
    if (heard !== wanted) faults.push(`device of ${userId}: event ${index + 1} is ${heard}, not ${wanted}`);
    if (event.id !== index + 1) faults.push(`device of ${userId}: event ${index + 1} has the id ${event.id}`);
  });
  return faults;
}

function keyOf(type: string, body: unknown): string {
  // A refund names its payment, too.
  const about = body as Partial<RefundView> | null;
  return `${type} ${about?.merchantRefundId ?? about?.merchantPaymentId ?? '(no payment)'}`;
}
