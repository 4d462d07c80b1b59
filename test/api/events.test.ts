import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPrincipal, revokeKey } from '../../db/key.ts';
import { assertDefined } from '../../domain/assert.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { openEventStream } from '../support/event-stream.ts';
import { givenMerchant, givenPayer, pay, type GivenMerchant } from '../support/givens.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack();
  merchant = await givenMerchant(stack);
});
afterAll(() => stack.stop());

async function payMany(payer: Awaited<ReturnType<typeof givenPayer>>, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    ids.push((await pay(merchant, { code: await payer.code(), amount: 10 + i })).body.paymentId);
  }
  return ids;
}

describe('the event stream of a device', () => {
  it('tells each decision of the user as it happens, and nothing of other users', async () => {
    const payer = await givenPayer(stack, { balance: 15 });
    const other = await givenPayer(stack, { balance: 1_000 });
    const stream = await openEventStream(stack.baseUrl, payer.deviceToken);
    await payMany(other, 1);
    const made = await pay(merchant, { code: await payer.code(), amount: 15 });
    await pay(merchant, { code: await payer.code(), amount: 16 });
    await merchant.call('POST', `/v1/payments/${made.body.merchantPaymentId}/cancel`, {});
    await until('three events', () => stream.events.length >= 3);
    stream.close();
    expect(stream.events.map((it) => [it.id, it.event])).toEqual([
      ['1', 'payment.completed'],
      ['2', 'payment.declined'],
      ['3', 'payment.canceled'],
    ]);
    expect(stream.events[0]?.data).toEqual(made.body);
  });

  it('resumes after Last-Event-ID without loss or repeat, from the beginning if asked', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const first = await openEventStream(stack.baseUrl, payer.deviceToken);
    const ids = await payMany(payer, 2);
    await until('two events', () => first.events.length >= 2);
    first.close();
    ids.push(...(await payMany(payer, 3)));
    const second = await openEventStream(stack.baseUrl, payer.deviceToken, '2');
    const all = await openEventStream(stack.baseUrl, payer.deviceToken, '0');
    await until('the rest', () => second.events.length >= 3 && all.events.length >= 5);
    second.close();
    all.close();
    expect([...first.events, ...second.events].map((it) => (it.data as PaymentView).paymentId)).toEqual(ids);
    expect(all.events.map((it) => it.id)).toEqual(['1', '2', '3', '4', '5']);
  });

  it('loses nothing when many payments of one user are decided at once', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const stream = await openEventStream(stack.baseUrl, payer.deviceToken);
    const codes = await Promise.all(Array.from({ length: 25 }, () => payer.code()));
    await Promise.all(codes.map((code, i) => pay(merchant, { code, amount: 1 + i })));
    await until('25 events', () => stream.events.length >= 25);
    stream.close();
    expect(stream.events.map((it) => Number(it.id))).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
  });

  it('makes good a wake-up that was lost', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const stream = await openEventStream(stack.baseUrl, payer.deviceToken);
    // An event whose NOTIFY nobody sent: as after a worker that died between commit and wake-up.
    await stack.pool.query(
      `with seq as (update app_user set event_seq = event_seq + 1 where user_id = $1 returning event_seq)
       insert into user_event (user_id, seq, kind, payload, created_at) select $1, event_seq, 'test', '{}', now() from seq`,
      [payer.userId],
    );
    await until('the event', () => stream.events.length === 1, 10_000);
    stream.close();
  });

  it('survives the loss of the listening connection', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const stream = await openEventStream(stack.baseUrl, payer.deviceToken);
    const killed = await stack.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'kessai-events' and datname = current_database()`,
    );
    expect(killed.rowCount).toBe(1);
    await payMany(payer, 1);
    await until('the event', () => stream.events.length === 1, 10_000);
    stream.close();
  });

  it('refuses what is no event id', async () => {
    const payer = await givenPayer(stack);
    const answer = await payer.call('GET', '/v1/me/events', undefined, { 'last-event-id': 'x' });
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
  });

  it('ends when its key is revoked', { timeout: 40_000 }, async () => {
    const payer = await givenPayer(stack);
    const stream = await openEventStream(stack.baseUrl, payer.deviceToken);
    const { keyId } = assertDefined(await findPrincipal(stack.pool, payer.deviceToken));
    await revokeKey(stack.pool, keyId);
    await until('the end of the stream', () => stream.isEnded(), 30_000);
  });
});

describe('the history of a device', () => {
  it('lists payments newest first, page by page, with the name of the shop', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const ids = await payMany(payer, 5);
    interface Page {
      items: (PaymentView & { merchantName: string })[];
      nextCursor: string | null;
    }
    const first = await payer.call<Page>('GET', '/v1/me/payments?limit=2');
    const second = await payer.call<Page>(
      'GET',
      `/v1/me/payments?limit=3&after=${first.body.nextCursor ?? ''}`,
    );
    expect([...first.body.items, ...second.body.items].map((it) => it.paymentId)).toEqual(ids.reverse());
    expect(first.body.items[0]?.merchantName).toBe('Test Mart');
    expect(second.body.nextCursor).toBeNull();
  });

  it.each(['?limit=0', '?limit=201', '?limit=x', '?after=xyz', '?after=eyJhIjoxfQ', '?page=2'])(
    'refuses %s',
    async (query) => {
      const payer = await givenPayer(stack);
      expect(await payer.call('GET', `/v1/me/payments${query}`)).toMatchObject({
        status: 400,
        body: { code: 'INVALID_REQUEST' },
      });
    },
  );
});
