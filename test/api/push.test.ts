import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiClient } from '../support/client.ts';
import { givenPayer, uniqueId, type GivenPayer } from '../support/givens.ts';
import { answerChecker, readOpenApi } from '../support/open-api.ts';
import { startPushService, type PushService } from '../support/push-service.ts';
import { startStack, type Stack } from '../support/stack.ts';

let service: PushService;
let stack: Stack;
let publicKey: string;
let payer: GivenPayer;

beforeAll(async () => {
  service = await startPushService();
  stack = await startStack({ workers: 0, pushHosts: [service.host] });
  payer = await givenPayer(stack);
  publicKey = (await payer.call<{ publicKey: string }>('GET', '/v1/push/public-key')).body.publicKey;
});
afterAll(async () => {
  service.close();
  await stack.stop();
});

const put = (it: GivenPayer, id: string, body: object) =>
  it.call<{ code?: string; errors?: { pointer: string }[] }>('PUT', `/v1/push-subscriptions/${id}`, body);
const fresh = () => service.subscribe(publicKey).subscription;

async function live(deviceId: string): Promise<string[]> {
  const found = await stack.pool.query<{ id: string }>(
    'select subscription_id as id from push_subscription where device_id = $1 and gone_at is null order by created_at',
    [deviceId],
  );
  return found.rows.map((it) => it.id);
}

describe('a push subscription', () => {
  it('is what the browser gives; the same again is the same, and nothing of it can be read in the database', async () => {
    const subscription = fresh();
    const faultsOf = answerChecker(await readOpenApi(stack.baseUrl));
    const first = await put(payer, 'sw', subscription);
    expect(first).toMatchObject({
      status: 200,
      body: { subscriptionId: 'sw', host: service.host, showAmounts: false },
    });
    const again = await put(payer, 'sw', subscription);
    expect([again.headers.get('idempotency-hit'), again.body]).toEqual(['true', first.body]);
    const operation = 'PUT /v1/push-subscriptions/{id}';
    for (const answer of [first, again]) expect(faultsOf(operation, answer)).toEqual([]);
    const key = await payer.call('GET', '/v1/push/public-key');
    expect(faultsOf('GET /v1/push/public-key', key)).toEqual([]);
    const dump = await stack.pool.query<{ row: string }>('select s::text as row from push_subscription s');
    const plain = [subscription.endpoint, subscription.keys.p256dh, subscription.keys.auth];
    const spellings = plain.flatMap((it) => [it, Buffer.from(it).toString('hex')]);
    for (const { row } of dump.rows) for (const it of spellings) expect(row).not.toContain(it);
  });

  it('with a new endpoint takes the place of the one under its id', async () => {
    const it_ = await givenPayer(stack);
    await put(it_, 'sw', fresh());
    expect((await put(it_, 'sw', { ...fresh(), showAmounts: true })).body).toMatchObject({
      showAmounts: true,
    });
    expect(await live(it_.deviceId)).toEqual(['sw']);
  });

  it('whose endpoint another device had is the new one’s: a browser that changed hands tells its former user nothing', async () => {
    const [before, after] = [await givenPayer(stack), await givenPayer(stack)];
    const subscription = fresh();
    await put(before, 'sw', subscription);
    await put(after, 'sw', subscription);
    expect(await live(before.deviceId)).toEqual([]);
    expect(await live(after.deviceId)).toEqual(['sw']);
  });

  it('asked for by twenty at once with one endpoint is one', async () => {
    const phone = await givenPayer(stack);
    const subscription = fresh();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => put(phone, `sw-${i % 2}`, subscription)),
    );
    expect(answers.every((it) => it.status === 200)).toBe(true);
    expect(await live(phone.deviceId)).toHaveLength(1);
  });

  it('is the fifth of a device at most, also when ten come at once', async () => {
    const phone = await givenPayer(stack);
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => put(phone, `sw-${i}`, fresh())));
    expect(answers.filter((it) => it.status === 200)).toHaveLength(5);
    expect(answers.find((it) => it.status !== 200)).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT_STATE' },
    });
    const [id = ''] = await live(phone.deviceId);
    expect((await put(phone, id, fresh())).status).toBe(200);
    expect((await phone.call('DELETE', `/v1/push-subscriptions/${id}`)).status).toBe(204);
    expect((await phone.call('DELETE', `/v1/push-subscriptions/${id}`)).status).toBe(404);
    expect((await put(phone, 'sw-new', fresh())).status).toBe(200);
  });

  it('ends with the token of its device', async () => {
    const phone = await givenPayer(stack);
    await put(phone, 'sw', fresh());
    const key = await stack.pool.query<{ key_id: string }>(
      'select key_id from api_key where device_id = $1',
      [phone.deviceId],
    );
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    expect((await admin('DELETE', `/v1/keys/${key.rows[0]?.key_id ?? ''}`)).status).toBe(204);
    expect(await live(phone.deviceId)).toEqual([]);
  });

  it('of another device cannot be deleted', async () => {
    const id = uniqueId('sw');
    await put(payer, id, fresh());
    const stranger = await givenPayer(stack);
    expect((await stranger.call('DELETE', `/v1/push-subscriptions/${id}`)).status).toBe(404);
  });

  it('hears of every fault at once', async () => {
    const answer = await put(payer, 'sw', { endpoint: 1, keys: { p256dh: '!', auth: 'YQ' }, more: 1 });
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map((it) => it.pointer).sort()).toEqual([
      '/endpoint',
      '/keys/auth',
      '/keys/p256dh',
      '/more',
    ]);
  });

  it.each([
    [
      'a host that is not on the list',
      (it: object) => ({ ...it, endpoint: 'https://169.254.169.254/x' }),
      '/endpoint',
    ],
    [
      'an endpoint of 1,001 characters',
      (it: object) => ({ ...it, endpoint: `https://x.example/${'x'.repeat(983)}` }),
      '/endpoint',
    ],
    [
      'a point that is not on the curve',
      (it: object) => ({
        ...it,
        keys: {
          p256dh: Buffer.concat([Buffer.of(4), Buffer.alloc(64, 7)]).toString('base64url'),
          auth: 'BTBZMqHH6r4Tts7J_aSIgg',
        },
      }),
      '/keys/p256dh',
    ],
  ])('with %s is refused and changes nothing', async (_, change, pointer) => {
    const phone = await givenPayer(stack);
    const answer = await put(phone, 'sw', change(fresh()));
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toMatchObject([{ pointer }]);
    expect(await live(phone.deviceId)).toEqual([]);
  });
});

describe('where push is off', () => {
  it('there is no key, and no subscription is taken', async () => {
    const off = await startStack({ workers: 0 });
    try {
      const phone = await givenPayer(off);
      expect((await phone.call('GET', '/v1/push/public-key')).status).toBe(404);
      expect(await put(phone, 'sw', fresh())).toMatchObject({
        status: 409,
        body: { code: 'CONFLICT_STATE' },
      });
    } finally {
      await off.stop();
    }
  });
});
