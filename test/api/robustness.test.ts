import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../../db/key.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { apiClient, type ApiCall } from '../support/client.ts';
import {
  givenMerchant,
  givenPayer,
  pay,
  paymentBody,
  uniqueId,
  type GivenMerchant,
} from '../support/givens.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let merchant: GivenMerchant;
let admin: ApiCall;

beforeAll(async () => {
  stack = await startStack();
  merchant = await givenMerchant(stack);
  admin = apiClient(stack.baseUrl, stack.adminKey);
});
afterAll(() => stack.stop());

async function openStreams(): Promise<number> {
  const metrics = await (await fetch(`${stack.baseUrl}/metrics`)).text();
  return Number(/^kessai_event_streams (\d+)$/m.exec(metrics)?.[1]);
}

/** Sends a request by hand; `after` is what comes next on the connection. */
function sendRaw(head: string[], after: (socket: ReturnType<typeof connect>) => void): void {
  const { port } = new URL(stack.baseUrl);
  const socket = connect(Number(port), '127.0.0.1', () => {
    socket.write([...head, 'Host: localhost', '', ''].join('\r\n'), () => {
      after(socket);
    });
  });
  socket.on('error', () => undefined);
}

describe('an event stream', () => {
  it('whose reader goes away at once leaves nothing behind', async () => {
    const payer = await givenPayer(stack, { balance: 100 });
    const head = ['GET /v1/me/events HTTP/1.1', `Authorization: Bearer ${payer.deviceToken}`];
    for (let i = 0; i < 40; i++) sendRaw(head, (socket) => setTimeout(() => socket.destroy(), i % 5));
    // Asked for after the others, so they have been through when it is answered.
    const last = new AbortController();
    const stream = await fetch(`${stack.baseUrl}/v1/me/events`, {
      headers: { authorization: `Bearer ${payer.deviceToken}` },
      signal: last.signal,
    });
    expect(stream.status).toBe(200);
    await until('one stream', async () => (await openStreams()) === 1);
    last.abort();
    await until('no stream', async () => (await openStreams()) === 0);
  });

  it('asked for with HEAD answers and is no stream', async () => {
    const payer = await givenPayer(stack);
    const answer = await payer.call('HEAD', '/v1/me/events');
    expect(answer.status).toBe(200);
    expect(await openStreams()).toBe(0);
  });

  it('of a device that opens ever more makes way for the newest', async () => {
    const payer = await givenPayer(stack);
    const aborts: AbortController[] = [];
    for (let i = 0; i < 8; i++) {
      const abort = new AbortController();
      aborts.push(abort);
      const headers = { authorization: `Bearer ${payer.deviceToken}` };
      await fetch(`${stack.baseUrl}/v1/me/events`, { headers, signal: abort.signal });
    }
    await until('five streams', async () => (await openStreams()) === 5);
    for (const abort of aborts) abort.abort();
  });
});

describe('an answer that was given', () => {
  it('is given again when the till is not there any more', async () => {
    const shop = await givenMerchant(stack);
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const first = await pay(shop, body);
    const stores = [{ storeId: 's2', name: 's2', terminals: [] }];
    await admin('PUT', `/v1/merchants/${shop.merchantId}`, { name: 'x', timeZone: 'Asia/Tokyo', stores });
    const again = await pay(shop, body);
    expect(again).toMatchObject({ status: 200, body: first.body });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect((await pay(shop, { ...body, amount: 1 })).status).toBe(422);
    expect((await pay(shop, { code: await payer.code() })).status).toBe(404);
  });
});

describe('a tombstone', () => {
  it('keeps its payment id when the payment arrives', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const tombstone = await merchant.call<PaymentView>(
      'POST',
      `/v1/payments/${body.merchantPaymentId}/cancel`,
    );
    expect((await pay(merchant, body)).body).toMatchObject({
      paymentId: tombstone.body.paymentId,
      declineCode: 'CANCELED',
    });
  });
});

describe('a request with an odd body', () => {
  it('that is empty but declared is a request without a body', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const paid = await pay(merchant, { code: await payer.code() });
    const path = `/v1/payments/${paid.body.merchantPaymentId}/cancel`;
    const answer = await merchant.call('POST', path, undefined, { 'content-length': '0' });
    expect(answer).toMatchObject({ status: 200, body: { status: 'CANCELED' } });
  });

  it('that is no gzip though it says so is refused', async () => {
    const answer = await merchant.call('POST', '/v1/payments', '{}', { 'content-encoding': 'gzip' });
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
  });

  it.each(['US/Pacific-New', 'PST', 'IST', 'BST'])(
    'that names the zone %s, which Postgres reads otherwise, is refused',
    async (timeZone) => {
      const body = { name: 'x', timeZone, stores: [] };
      expect(await admin('PUT', `/v1/merchants/${uniqueId('m')}`, body)).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/timeZone' }] },
      });
    },
  );

  it.each(['.', '..'])('that calls a payment %s is refused', async (merchantPaymentId) => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    expect((await pay(merchant, { code: await payer.code(), merchantPaymentId })).status).toBe(400);
  });

  it.each([
    ['a day that is none', ['9999-99-99T99:99:99.000000Z', 'pay_1']],
    ['the 30th of February', ['2026-02-30T00:00:00.000000Z', 'pay_1']],
    ['a NUL', ['2026-11-22T00:00:00.000000Z', 'pay\u0000']],
  ])('whose cursor holds %s is refused', async (_, parts) => {
    const payer = await givenPayer(stack);
    const after = Buffer.from(JSON.stringify(parts)).toString('base64url');
    expect((await payer.call('GET', `/v1/me/payments?after=${after}`)).status).toBe(400);
  });

  it('that replaces a device of no name is refused', async () => {
    const payer = await givenPayer(stack);
    const made = await admin<{ enrolmentCode: string }>('POST', `/v1/users/${payer.userId}/enrolments`);
    const body = { enrolmentCode: made.body.enrolmentCode, deviceName: 'x', replacesDeviceId: '\u0000' };
    expect((await apiClient(stack.baseUrl)('POST', '/v1/devices', body)).status).toBe(400);
  });
});

describe('a merchant that does not exist', () => {
  it('gets no key, and starts nothing with one from elsewhere', async () => {
    const nobody = uniqueId('m');
    const wanted = { role: 'merchant', tenantId: nobody, name: 'x' };
    expect((await admin('POST', '/v1/keys', wanted)).status).toBe(404);
    const { key } = await createKey(stack.pool, { role: 'merchant', tenantId: nobody, name: 'x' });
    const call = apiClient(stack.baseUrl, key);
    expect((await call('POST', '/v1/payments/p1/cancel', {})).status).toBe(404);
    const started = await stack.temporal.workflow.count(`WorkflowId = 'payment-cancel:${nobody}:p1'`);
    expect(started.count).toBe(0);
  });
});

describe('guessed keys', () => {
  it('do not shut the address out of what is open to all', async () => {
    const small = await startStack({ workers: 0, rateLimits: { public: 3 } });
    try {
      const guess = apiClient(small.baseUrl, `ksk_admin_${'A'.repeat(43)}`);
      for (let i = 0; i < 5; i++) await guess('GET', '/v1/me');
      expect((await guess('GET', '/v1/me')).status).toBe(429);
      expect((await apiClient(small.baseUrl)('GET', '/v1/time')).status).toBe(200);
    } finally {
      await small.stop();
    }
  });
});
