import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { failWebhookEvent } from '../../db/webhook.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { webhookWorkflowId } from '../../workflows/webhook-delivery/contract.ts';
import { apiClient, type ApiCall } from '../support/client.ts';
import { givenMerchant, givenPayer, pay, type GivenMerchant } from '../support/givens.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

interface EventBody {
  eventId: string;
  type: string;
  status: string;
  body: PaymentView;
  attempts: { attempt: number; statusCode?: number; error?: string; url: string }[];
}

let stack: Stack;
let admin: ApiCall;
let receiver: WebhookReceiver;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack();
  admin = apiClient(stack.baseUrl, stack.adminKey);
});
afterAll(() => stack.stop());
beforeEach(async () => {
  receiver = await startWebhookReceiver();
  merchant = await givenMerchant(stack, { webhookUrl: receiver.url });
});
afterEach(() => {
  receiver.close();
});

async function eventsOf(it: GivenMerchant): Promise<EventBody[]> {
  const answer = await it.call<{ items: EventBody[] }>('GET', '/v1/webhook-events');
  return answer.body.items;
}

async function eventWith(it: GivenMerchant, status: string, attempts: number): Promise<EventBody> {
  return until(`an event ${status} after ${attempts} tries`, async () => {
    const found = await eventsOf(it);
    return found.find((event) => event.status === status && event.attempts.length >= attempts);
  });
}

function verified(secret: string | undefined, index = 0): unknown {
  const got = receiver.received[index];
  if (got === undefined || secret === undefined) throw new Error('nothing to verify');
  return new Webhook(secret).verify(got.body, got.headers);
}

describe('a merchant webhook', () => {
  it('brings the payment as it was at the event, signed after Standard Webhooks', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const paid = await pay(merchant, { code: await payer.code() });
    await merchant.call('POST', `/v1/payments/${paid.body.merchantPaymentId}/cancel`, {});
    await until('both events', () => receiver.received.length === 2);
    const types = receiver.received.map((it) => it.headers['kessai-event-type']);
    expect(types.sort()).toEqual(['payment.canceled', 'payment.completed']);
    const completed = receiver.received.findIndex(
      (it) => it.headers['kessai-event-type'] === 'payment.completed',
    );
    expect(verified(merchant.webhookSecret, completed)).toEqual(paid.body);
    const canceled = verified(merchant.webhookSecret, 1 - completed);
    expect(canceled).toMatchObject({ status: 'CANCELED', paymentId: paid.body.paymentId });
    const ids = receiver.received.map((it) => it.headers['webhook-id']);
    expect(new Set(ids).size).toBe(2);
  });

  it('tells of declines too', async () => {
    const payer = await givenPayer(stack);
    await pay(merchant, { code: await payer.code() });
    await until('the event', () => receiver.received.length === 1);
    expect(verified(merchant.webhookSecret)).toMatchObject({
      status: 'DECLINED',
      declineCode: 'INSUFFICIENT_FUNDS',
    });
  });

  it('that is refused is tried again with the same id and body, and every try is kept', async () => {
    receiver.answerWith(500);
    const payer = await givenPayer(stack, { balance: 1_000 });
    await pay(merchant, { code: await payer.code() });
    await eventWith(merchant, 'PENDING', 1);
    receiver.answerWith(204);
    const event = await eventWith(merchant, 'DELIVERED', 2);
    expect(event.attempts.map((it) => it.statusCode)).toEqual([500, 204]);
    const [first, second] = receiver.received;
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(verified(merchant.webhookSecret, 1)).toEqual(event.body);
  });

  it('replayed does not wait for the back-off, and keeps the body of the event', async () => {
    receiver.answerWith(503, { 'retry-after': '3600' });
    const payer = await givenPayer(stack, { balance: 1_000 });
    const paid = await pay(merchant, { code: await payer.code() });
    const event = await eventWith(merchant, 'PENDING', 1);
    await merchant.call('POST', `/v1/payments/${paid.body.merchantPaymentId}/cancel`, {});
    receiver.answerWith(200);
    expect((await admin('POST', `/v1/webhook-events/${event.eventId}/replay`)).status).toBe(202);
    await until('the delivery', async () => {
      const answer = await merchant.call<EventBody>('GET', `/v1/webhook-events/${event.eventId}`);
      return answer.body.status === 'DELIVERED';
    });
    const last = receiver.received.filter((it) => it.headers['webhook-id'] === event.eventId).at(-1);
    expect(JSON.parse(last?.body ?? '')).toEqual(paid.body);
  });

  it('delivered can be replayed as well', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    await pay(merchant, { code: await payer.code() });
    const event = await eventWith(merchant, 'DELIVERED', 1);
    await stack.temporal.workflow.getHandle(webhookWorkflowId(event.eventId)).result();
    await admin('POST', `/v1/webhook-events/${event.eventId}/replay`);
    await eventWith(merchant, 'DELIVERED', 2);
    expect(receiver.received.map((it) => it.body)).toEqual([
      receiver.received[0]?.body,
      receiver.received[0]?.body,
    ]);
  });

  it('that was given up starts again when it is replayed', async () => {
    receiver.answerWith(500);
    const payer = await givenPayer(stack, { balance: 1_000 });
    await pay(merchant, { code: await payer.code() });
    const event = await eventWith(merchant, 'PENDING', 1);
    await stack.temporal.workflow.getHandle(webhookWorkflowId(event.eventId)).terminate('given up');
    await failWebhookEvent(stack.pool, event.eventId);
    await eventWith(merchant, 'FAILED', 1);
    receiver.answerWith(204);
    await admin('POST', `/v1/webhook-events/${event.eventId}/replay`);
    await eventWith(merchant, 'DELIVERED', 2);
  });

  it('is signed with the old and the new secret while secrets rotate', async () => {
    const rotated = await admin<{ secret: string; previousValidUntil: string }>(
      'POST',
      `/v1/merchants/${merchant.merchantId}/webhook-secrets`,
    );
    expect(rotated.status).toBe(201);
    const inADay = Date.parse(rotated.body.previousValidUntil) - Date.now();
    expect(inADay).toBeGreaterThan(23 * 3_600_000);
    const payer = await givenPayer(stack, { balance: 1_000 });
    const paid = await pay(merchant, { code: await payer.code() });
    await until('the event', () => receiver.received.length === 1);
    expect(verified(merchant.webhookSecret)).toEqual(paid.body);
    expect(verified(rotated.body.secret)).toEqual(paid.body);
    expect(() => verified(`whsec_${Buffer.alloc(32).toString('base64')}`)).toThrow('No matching signature');
  });

  it('keeps its secrets sealed', async () => {
    const stored = await stack.pool.query<{ sealed: Buffer }>(
      'select sealed from webhook_secret where owner_id = $1',
      [merchant.merchantId],
    );
    const sealed = stored.rows[0]?.sealed ?? Buffer.alloc(0);
    expect(sealed.length).toBeGreaterThan(40);
    expect(sealed.toString('latin1')).not.toContain(merchant.webhookSecret?.slice(0, 12));
  });

  it('is seen by its merchant and the administrators only', async () => {
    const other = await givenMerchant(stack);
    const payer = await givenPayer(stack, { balance: 1_000 });
    await pay(merchant, { code: await payer.code() });
    const event = await eventWith(merchant, 'DELIVERED', 1);
    expect(await eventsOf(other)).toEqual([]);
    expect((await other.call('GET', `/v1/webhook-events/${event.eventId}`)).status).toBe(404);
    expect((await other.call('POST', `/v1/webhook-events/${event.eventId}/replay`)).status).toBe(403);
    expect(
      (await other.call<{ items: unknown[] }>('GET', `/v1/webhook-events?merchantId=${merchant.merchantId}`))
        .body.items,
    ).toEqual([]);
    expect((await admin('GET', `/v1/webhook-events/${event.eventId}`)).status).toBe(200);
  });
});
