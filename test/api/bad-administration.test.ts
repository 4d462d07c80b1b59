import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiClient } from '../support/client.ts';
import { startEdge, type Edge, type ProblemBody } from '../support/edge.ts';
import { givenPayer } from '../support/givens.ts';

let stack: Edge['stack'];
let merchant: Edge['merchant'];
let payer: Edge['payer'];
let admin: Edge['admin'];
let refused: Edge['refused'];

beforeAll(async () => {
  ({ stack, merchant, payer, admin, refused } = await startEdge());
});
afterAll(() => stack.stop());

describe('administration', () => {
  const bodies: [string, string, string, unknown, string][] = [
    [
      'a user in a zone that is none',
      'POST',
      '/v1/users',
      { userId: 'u', displayName: 'x', locale: 'ja', timeZone: 'Mars/Base' },
      '/timeZone',
    ],
    [
      'a user in an offset',
      'POST',
      '/v1/users',
      { userId: 'u', displayName: 'x', locale: 'ja', timeZone: '+09:00' },
      '/timeZone',
    ],
    [
      'a user with a blank name',
      'POST',
      '/v1/users',
      { userId: 'u', displayName: '  ', locale: 'ja', timeZone: 'UTC' },
      '/displayName',
    ],
    ['a key for a device', 'POST', '/v1/keys', { role: 'device', tenantId: 'x', name: 'x' }, '/role'],
    ['a key for a foreign role', 'POST', '/v1/keys', { role: 'root', tenantId: 'x', name: 'x' }, '/role'],
    ['a merchant without stores', 'PUT', '/v1/merchants/new', { name: 'x', timeZone: 'UTC' }, '/stores'],
    [
      'a merchant with a store twice',
      'PUT',
      '/v1/merchants/new',
      {
        name: 'x',
        timeZone: 'UTC',
        stores: ['a', 'a'].map((storeId) => ({ storeId, name: 'x', terminals: [] })),
      },
      '/stores',
    ],
    [
      'a webhook without TLS',
      'PUT',
      '/v1/merchants/new',
      { name: 'x', timeZone: 'UTC', stores: [], webhook: { url: 'http://shop.example/hook' } },
      '/webhook/url',
    ],
    [
      'a webhook to a file',
      'PUT',
      '/v1/merchants/new',
      { name: 'x', timeZone: 'UTC', stores: [], webhook: { url: 'file:///etc/passwd' } },
      '/webhook/url',
    ],
    [
      'a webhook with a password',
      'PUT',
      '/v1/merchants/new',
      { name: 'x', timeZone: 'UTC', stores: [], webhook: { url: 'https://a:b@shop.example/' } },
      '/webhook/url',
    ],
  ];
  it.each(bodies)('refuses %s', async (_, method, path, body, pointer) => {
    const answer = await refused(() => admin<ProblemBody>(method, path, body), 400, 'INVALID_REQUEST');
    expect(answer.body.errors?.map((it) => it.pointer)).toContain(pointer);
  });

  it.each([
    ['another currency', { topUpId: 't', amount: 1, currency: 'USD' }, '/currency'],
    ['nothing', { topUpId: 't', amount: 0, currency: 'JPY' }, '/amount'],
    ['a debt', { topUpId: 't', amount: -5, currency: 'JPY' }, '/amount'],
  ])('refuses a top-up of %s', async (_, body, pointer) => {
    const answer = await refused(
      () => admin<ProblemBody>('POST', `/v1/users/${payer.userId}/top-ups`, body),
      400,
      'INVALID_REQUEST',
    );
    expect(answer.body.errors).toMatchObject([{ pointer }]);
  });

  it('does not find what is not there', async () => {
    const topUp = { topUpId: 't', amount: 1, currency: 'JPY' };
    await refused(() => admin<ProblemBody>('POST', '/v1/users/nobody/top-ups', topUp), 404, 'NOT_FOUND');
    await refused(() => admin<ProblemBody>('POST', '/v1/users/nobody/enrolments'), 404, 'NOT_FOUND');
    await refused(() => admin<ProblemBody>('POST', '/v1/merchants/nobody/webhook-secrets'), 404, 'NOT_FOUND');
    await refused(() => admin<ProblemBody>('GET', '/v1/webhook-events/evt_nothing'), 404, 'NOT_FOUND');
  });

  it('never changes the currency of a merchant', async () => {
    const body = { name: 'x', timeZone: 'UTC', currency: 'USD', stores: [] };
    await refused(
      () => admin<ProblemBody>('PUT', `/v1/merchants/${merchant.merchantId}`, body),
      422,
      'CURRENCY_FIXED',
    );
  });

  it('recognises a user and a top-up that were made before, and refuses others under their ids', async () => {
    const user = { userId: 'twice', displayName: 'x', locale: 'ja', timeZone: 'Asia/Tokyo' };
    expect((await admin('POST', '/v1/users', user)).headers.get('idempotency-hit')).toBeNull();
    expect((await admin('POST', '/v1/users', user)).headers.get('idempotency-hit')).toBe('true');
    await refused(
      () => admin<ProblemBody>('POST', '/v1/users', { ...user, displayName: 'y' }),
      422,
      'IDEMPOTENCY_MISMATCH',
    );
    const topUp = { topUpId: 't1', amount: 5, currency: 'JPY' };
    expect((await admin('POST', '/v1/users/twice/top-ups', topUp)).status).toBe(201);
    expect((await admin('POST', '/v1/users/twice/top-ups', topUp)).headers.get('idempotency-hit')).toBe(
      'true',
    );
    const other = { ...topUp, amount: 6 };
    await refused(
      () => admin<ProblemBody>('POST', '/v1/users/twice/top-ups', other),
      422,
      'IDEMPOTENCY_MISMATCH',
    );
  });
});

describe('an enrolment code', () => {
  const enrol = (body: unknown) => apiClient(stack.baseUrl)<ProblemBody>('POST', '/v1/devices', body);

  async function enrolmentCode(userId: string): Promise<string> {
    const made = await admin<{ enrolmentCode: string }>('POST', `/v1/users/${userId}/enrolments`);
    return made.body.enrolmentCode;
  }

  it('works once', async () => {
    const spent = await enrolmentCode(payer.userId);
    expect((await enrol({ enrolmentCode: spent, deviceName: 'phone' })).status).toBe(201);
    await refused(() => enrol({ enrolmentCode: spent, deviceName: 'phone' }), 422, 'ENROLMENT_CODE_INVALID');
    await refused(
      () => enrol({ enrolmentCode: 'x'.repeat(27), deviceName: 'phone' }),
      422,
      'ENROLMENT_CODE_INVALID',
    );
  });

  it('used by ten phones at once enrols one', async () => {
    const fresh = await enrolmentCode(payer.userId);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => enrol({ enrolmentCode: fresh, deviceName: 'phone' })),
    );
    expect(answers.filter((it) => it.status === 201)).toHaveLength(1);
  });

  it('cannot replace a phone of somebody else, and is not spent by trying', async () => {
    const other = await givenPayer(stack);
    const fresh = await enrolmentCode(payer.userId);
    const replacing = { enrolmentCode: fresh, deviceName: 'phone', replacesDeviceId: other.deviceId };
    await refused(() => enrol(replacing), 404, 'NOT_FOUND');
    expect((await enrol({ ...replacing, replacesDeviceId: payer.deviceId })).status).toBe(201);
  });
});
