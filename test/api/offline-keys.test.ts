import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOfflineMatcher } from '../../activities/offline-match.ts';
import { putIssuer, putPayLaterAccount } from '../../db/issuer.ts';
import { findPrincipal } from '../../db/key.ts';
import { findOfflineKey } from '../../db/offline-key.ts';
import { assertDefined } from '../../domain/assert.ts';
import { DEFAULT_CODE_PREFIX } from '../../domain/code/format.ts';
import { measureOffset, offlineCode, timeStep } from '../../domain/code/offline.ts';
import { apiClient, type Answer } from '../support/client.ts';
import {
  expectStatus,
  givenMerchant,
  givenPayer,
  uniqueId,
  type GivenMerchant,
  type GivenPayer,
} from '../support/givens.ts';
import { answerChecker, readOpenApi } from '../support/open-api.ts';
import { startStack, type Stack } from '../support/stack.ts';

const DAY_MS = 86_400_000;

interface KeyAnswer {
  readonly handle: string;
  readonly key: string;
  readonly serverTime: string;
  readonly validUntil: string;
  readonly refreshAfter: string;
  readonly code?: string;
}

let stack: Stack;
let merchant: GivenMerchant;
const logged: string[] = [];
beforeAll(async () => {
  stack = await startStack({ workers: 0, onLog: (line) => logged.push(line) });
  merchant = await givenMerchant(stack);
});
afterAll(() => stack.stop());

const askKey = (payer: GivenPayer): Promise<Answer<KeyAnswer>> => payer.call('POST', '/v1/offline-keys');

async function givenKey(payer: GivenPayer): Promise<KeyAnswer> {
  const answer = await askKey(payer);
  expectStatus(answer, 200);
  return answer.body;
}

/** Lets so much time pass for all keys of a device. */
async function age(payer: GivenPayer, ms: number): Promise<void> {
  await stack.pool.query(
    `update offline_key set issued_at = issued_at - make_interval(secs => $2 / 1000.0),
                            refresh_after = refresh_after - make_interval(secs => $2 / 1000.0) where device_id = $1`,
    [payer.deviceId, ms],
  );
}

async function enrol(payer: GivenPayer, replacesDeviceId?: string): Promise<GivenPayer> {
  const admin = apiClient(stack.baseUrl, stack.adminKey);
  const enrolment = await admin<{ enrolmentCode: string }>('POST', `/v1/users/${payer.userId}/enrolments`);
  const device = await apiClient(stack.baseUrl)<{ deviceId: string; deviceToken: string }>(
    'POST',
    '/v1/devices',
    {
      enrolmentCode: enrolment.body.enrolmentCode,
      deviceName: 'new phone',
      ...(replacesDeviceId === undefined ? {} : { replacesDeviceId }),
    },
  );
  expectStatus(device, 201);
  return { ...payer, ...device.body, call: apiClient(stack.baseUrl, device.body.deviceToken) };
}

async function givenPayLater(payer: GivenPayer): Promise<string> {
  const issuerId = uniqueId('i');
  await putIssuer(stack.pool, {
    issuerId,
    name: 'Card',
    baseUrl: 'http://127.0.0.1:1',
    timeZone: 'Asia/Tokyo',
  });
  await putPayLaterAccount(stack.pool, { userId: payer.userId, issuerId, accountRef: 'a-1' });
  return issuerId;
}

const isRevoked = async (handle: string): Promise<boolean> =>
  assertDefined(await findOfflineKey(stack.pool, handle)).revokedAt !== null;

describe('an offline key', () => {
  it('comes with all that a phone needs to make codes that the server knows', async () => {
    const payer = await givenPayer(stack);
    const answer = await askKey(payer);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      handle: expect.stringMatching(/^\d{10}$/) as string,
      key: expect.stringMatching(/^[\w-]{43}$/) as string,
      algorithm: 'HMAC-SHA-256',
      period: 30,
      digits: 6,
      serverTime: expect.any(String) as string,
      validUntil: expect.any(String) as string,
      refreshAfter: expect.any(String) as string,
      limits: { maxAmount: 50_000, currency: 'JPY', maxPer24h: 5, maxPer30d: 10 },
    });
    const { handle, key, serverTime, validUntil, refreshAfter } = answer.body;
    const serverTimeMs = Date.parse(serverTime);
    expect(Date.parse(validUntil)).toBe(serverTimeMs + 7 * DAY_MS);
    expect(Date.parse(refreshAfter)).toBe(serverTimeMs + DAY_MS);

    // A phone whose clock is three hours slow.
    const offsetMs = measureOffset({
      sentAtMs: Date.now() - 3 * 3_600_000,
      receivedAtMs: Date.now() - 3 * 3_600_000,
      serverTimeMs: Date.now(),
    });
    const shownAtMs = Date.now() - 3 * 3_600_000 + offsetMs;
    const code = await offlineCode({
      prefix: DEFAULT_CODE_PREFIX,
      handle,
      key: Buffer.from(key, 'base64url'),
      step: timeStep(shownAtMs),
    });
    const matchStep = createOfflineMatcher({ ...stack, codePrefix: DEFAULT_CODE_PREFIX });
    expect(await matchStep(handle, stack.digestCode(code), shownAtMs)).toBe(timeStep(shownAtMs));
  });

  it('is described as it is answered', async () => {
    const faultsOf = answerChecker(await readOpenApi(stack.baseUrl));
    const payer = await givenPayer(stack);
    await givenPayLater(payer);
    const answer = await askKey(payer);
    expect(faultsOf('POST /v1/offline-keys', answer)).toEqual([]);
    expect(faultsOf('GET /v1/me', await payer.call('GET', '/v1/me'))).toEqual([]);
    const preference = await payer.call('PUT', '/v1/offline-preference', { fundingSource: 'PAY_LATER' });
    expect(faultsOf('PUT /v1/offline-preference', preference)).toEqual([]);
    const path = `/v1/offline-keys/${answer.body.handle}`;
    expect(faultsOf('DELETE /v1/offline-keys/{handle}', await payer.call('DELETE', path))).toEqual([]);
    expect(
      faultsOf('DELETE /v1/offline-keys/{handle}', await payer.call('DELETE', `${path.slice(0, -1)}x`)),
    ).toEqual([]);
  });

  it('is the same until its refresh is due, then a new one; the old one goes on serving', async () => {
    const payer = await givenPayer(stack);
    const first = await givenKey(payer);
    await age(payer, DAY_MS - 60_000);
    expect(await givenKey(payer)).toMatchObject({ handle: first.handle, key: first.key });
    await age(payer, 60_001);
    const second = await givenKey(payer);
    expect(second.handle).not.toBe(first.handle);
    expect(second.key).not.toBe(first.key);
    expect(await isRevoked(first.handle)).toBe(false);
    await age(payer, 7 * DAY_MS);
    const third = await givenKey(payer);
    expect([second.handle, first.handle]).not.toContain(third.handle);
    expect([await isRevoked(first.handle), await isRevoked(second.handle)]).toEqual([true, false]);
  });

  it('is one when twenty requests come at once, the first time and when a refresh is due', async () => {
    const payer = await givenPayer(stack);
    const handles: string[] = [];
    for (let round = 1; round <= 2; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => askKey(payer)));
      expect(answers.map((it) => it.status)).toEqual(Array(20).fill(200));
      const keys = new Set(answers.map((it) => `${it.body.handle} ${it.body.key}`));
      expect(keys.size).toBe(1);
      handles.push(assertDefined([...keys][0]));
      await age(payer, DAY_MS);
    }
    expect(handles[0]).not.toBe(handles[1]);
  });

  it('is of one device: two phones of a user have two', async () => {
    const payer = await givenPayer(stack);
    const other = await enrol(payer);
    expect((await givenKey(payer)).handle).not.toBe((await givenKey(other)).handle);
  });

  it('stands in no log', async () => {
    const { key } = await givenKey(await givenPayer(stack));
    const bytes = Buffer.from(key, 'base64url');
    const text = logged.join('');
    expect(text).toContain('POST /v1/offline-keys');
    for (const form of [key, bytes.toString('hex'), bytes.toString('base64')])
      expect(text).not.toContain(form);
  });

  it('is for devices only', async () => {
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    for (const call of [merchant.call, admin]) {
      expect((await call('POST', '/v1/offline-keys')).status).toBe(403);
      expect((await call('DELETE', '/v1/offline-keys/0123456789')).status).toBe(403);
      expect((await call('PUT', '/v1/offline-preference', { fundingSource: 'BALANCE' })).status).toBe(403);
    }
    expect((await apiClient(stack.baseUrl)('POST', '/v1/offline-keys')).status).toBe(401);
  });
});

describe('ending offline keys', () => {
  it('by handle ends all keys of that device, from any device of the user, also twice', async () => {
    const lost = await givenPayer(stack);
    const older = await givenKey(lost);
    await age(lost, DAY_MS);
    const newer = await givenKey(lost);
    const other = await enrol(lost);
    const others = await givenKey(other);
    for (let time = 1; time <= 2; time++)
      expect((await other.call('DELETE', `/v1/offline-keys/${older.handle}`)).status).toBe(204);
    expect([await isRevoked(older.handle), await isRevoked(newer.handle)]).toEqual([true, true]);
    expect(await isRevoked(others.handle)).toBe(false);
  });

  it("of another user's device, or of nobody's, is 404 and changes nothing", async () => {
    const payer = await givenPayer(stack);
    const { handle } = await givenKey(await givenPayer(stack));
    for (const it of [handle, '0000000000'])
      expect(await payer.call('DELETE', `/v1/offline-keys/${it}`)).toMatchObject({
        status: 404,
        body: { code: 'NOT_FOUND' },
      });
    expect(await isRevoked(handle)).toBe(false);
    expect((await payer.call('DELETE', '/v1/offline-keys/12')).status).toBe(400);
  });

  it("is part of revoking the device's key, also when the phone asks for keys meanwhile", async () => {
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    for (let round = 0; round < 5; round++) {
      const lost = await givenPayer(stack);
      const { handle } = await givenKey(lost);
      await age(lost, DAY_MS);
      const { keyId } = assertDefined(await findPrincipal(stack.pool, lost.deviceToken));
      const [revoked] = await Promise.all([
        admin('DELETE', `/v1/keys/${keyId}`),
        askKey(lost),
        askKey(lost),
        askKey(lost),
      ]);
      expect(revoked.status).toBe(204);
      const kept = await stack.pool.query<{ handle: string; reason: string | null }>(
        'select handle, revoke_reason as reason from offline_key where device_id = $1',
        [lost.deviceId],
      );
      expect(kept.rows).toContainEqual({ handle, reason: 'OPERATOR' });
      expect(kept.rows.map((it) => it.reason)).toEqual(kept.rows.map(() => 'OPERATOR'));
      expect((await askKey(lost)).status).toBe(401);
      expect((await admin('DELETE', `/v1/keys/${keyId}`)).status).toBe(204);
    }
  });

  it('is part of a new phone taking the place of the old one, which gets no more; its token stays', async () => {
    const old = await givenPayer(stack);
    const { handle } = await givenKey(old);
    const bystander = await enrol(old);
    const bystanders = await givenKey(bystander);
    expect(await isRevoked(handle)).toBe(false);
    const fresh = await enrol(old, old.deviceId);
    expect([await isRevoked(handle), await isRevoked(bystanders.handle)]).toEqual([true, false]);
    expect(await askKey(old)).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    expect((await old.call('GET', '/v1/me')).status).toBe(200);
    expect((await askKey(fresh)).status).toBe(200);
  });

  it('leaves none behind when the old phone asks for keys while it is replaced', async () => {
    for (let round = 0; round < 5; round++) {
      const old = await givenPayer(stack);
      await Promise.all([enrol(old, old.deviceId), askKey(old), askKey(old), askKey(old)]);
      const live = await stack.pool.query(
        'select handle from offline_key where device_id = $1 and revoked_at is null',
        [old.deviceId],
      );
      expect(live.rows).toEqual([]);
    }
  });
});

describe("a device's contact with the server", () => {
  const contactOf = async (payer: GivenPayer): Promise<number> => {
    const found = await stack.pool.query<{ at: Date }>(
      'select last_contact_at as at from device where device_id = $1',
      [payer.deviceId],
    );
    return assertDefined(found.rows[0]).at.getTime();
  };
  const lastMetAgo = (payer: GivenPayer, interval: string): Promise<unknown> =>
    stack.pool.query('update device set last_contact_at = now() - $2::interval where device_id = $1', [
      payer.deviceId,
      interval,
    ]);

  it('is written at an authenticated call, at most once a minute, of that device alone', async () => {
    const payer = await givenPayer(stack);
    const other = await givenPayer(stack);
    await lastMetAgo(payer, '59 seconds');
    await lastMetAgo(other, '8 days');
    const before = await contactOf(payer);
    const ofOther = await contactOf(other);
    await payer.call('GET', '/v1/me');
    expect(await contactOf(payer)).toBe(before);
    await lastMetAgo(payer, '61 seconds');
    const askedAt = Date.now();
    await Promise.all(Array.from({ length: 20 }, () => payer.call('GET', '/v1/me')));
    const written = await contactOf(payer);
    expect(written).toBeGreaterThanOrEqual(askedAt);
    await payer.call('GET', '/v1/me');
    expect(await contactOf(payer)).toBe(written);
    expect(await contactOf(other)).toBe(ofOther);
  });

  it('by a revoked token is none', async () => {
    const payer = await givenPayer(stack);
    await lastMetAgo(payer, '8 days');
    const before = await contactOf(payer);
    await stack.pool.query('update api_key set revoked_at = now() where device_id = $1', [payer.deviceId]);
    expect((await payer.call('GET', '/v1/me')).status).toBe(401);
    expect(await contactOf(payer)).toBe(before);
  });
});

describe('pay later', () => {
  it('without an account cannot be chosen, neither for a code nor for offline payments', async () => {
    const payer = await givenPayer(stack);
    for (const [method, path] of [
      ['POST', '/v1/codes'],
      ['PUT', '/v1/offline-preference'],
    ] as const)
      expect(await payer.call(method, path, { fundingSource: 'PAY_LATER' })).toMatchObject({
        status: 409,
        body: { code: 'CONFLICT_STATE' },
      });
    const me = await payer.call('GET', '/v1/me');
    expect(me.body).toMatchObject({ offlineFundingSource: 'BALANCE' });
    expect(me.body).not.toHaveProperty('payLater');
  });

  it('with an account is kept with the code and for offline payments, and can be left again', async () => {
    const payer = await givenPayer(stack);
    const issuerId = await givenPayLater(payer);
    const chosen = { fundingSource: 'PAY_LATER' };
    const code = await payer.call<{ code: string }>('POST', '/v1/codes', chosen);
    expect(code.status).toBe(201);
    const kept = await stack.pool.query(
      `select funding_source as "fundingSource" from one_time_code where code_digest = decode($1, 'hex')`,
      [stack.digestCode(code.body.code)],
    );
    expect(kept.rows).toEqual([chosen]);
    expect(await payer.call('PUT', '/v1/offline-preference', chosen)).toMatchObject({
      status: 200,
      body: chosen,
    });
    const me = await payer.call('GET', '/v1/me');
    expect(me.body).toMatchObject({ payLater: { issuerId }, offlineFundingSource: 'PAY_LATER' });
    expect((await payer.call('PUT', '/v1/offline-preference', { fundingSource: 'BALANCE' })).status).toBe(
      200,
    );
    expect((await payer.call('PUT', '/v1/offline-preference', { fundingSource: 'CASH' })).status).toBe(400);
    expect((await payer.call('GET', '/v1/me')).body).toMatchObject({ offlineFundingSource: 'BALANCE' });
  });
});

describe('the list of offline keys', () => {
  it("tells any phone of the user the handles of all of them, never a key, and nobody else's", async () => {
    const payer = await givenPayer(stack);
    const other = await enrol(payer);
    const [lost, own] = [await givenKey(payer), await givenKey(other)];
    await givenKey(await givenPayer(stack));
    expect((await other.call('DELETE', `/v1/offline-keys/${lost.handle}`)).status).toBe(204);
    const listed = await other.call<{ items: { handle: string; revokedAt?: string }[] }>(
      'GET',
      '/v1/offline-keys',
    );
    expect(listed.status).toBe(200);
    expect(listed.body.items.map((it) => [it.handle, it.revokedAt === undefined])).toEqual([
      [own.handle, true],
      [lost.handle, false],
    ]);
    expect(JSON.stringify(listed.body)).not.toContain(own.key);
  });
});

describe('the offline limits of a wallet', () => {
  async function givenOfflinePayments(payer: GivenPayer, hoursAgo: number, statuses: string[]) {
    for (const status of statuses)
      await stack.pool.query(
        `insert into payment (payment_id, merchant_id, merchant_payment_id, status, decline_code, amount, currency, code_mode,
                              payer_id, request_hash, attempt_id, requested_at, decided_at, policy_version)
         values ($1, $2, $1, $3, case when $3 = 'DECLINED' then 'CODE_INVALID' end, 100, 'JPY', 'OFFLINE', $4, 'x', 'a',
                 now() - make_interval(hours => $5), now() - make_interval(hours => $5), 'x')`,
        [uniqueId('p'), merchant.merchantId, status, payer.userId, hoursAgo],
      );
  }

  it('say what is left in 24 hours and in 30 days: refunded payments count, declined and older ones do not', async () => {
    const payer = await givenPayer(stack);
    const left = async (): Promise<unknown> => (await payer.call('GET', '/v1/me')).body.offlineLimits;
    const limits = { maxAmount: 50_000, currency: 'JPY', maxPer24h: 5, maxPer30d: 10 };
    expect(await left()).toEqual({ ...limits, leftIn24h: 5, leftIn30d: 10 });
    await givenOfflinePayments(payer, 1, ['COMPLETED', 'REFUNDED', 'DECLINED', 'CANCELED']);
    await givenOfflinePayments(payer, 25, ['COMPLETED']);
    await givenOfflinePayments(payer, 31 * 24, ['COMPLETED']);
    expect(await left()).toEqual({ ...limits, leftIn24h: 3, leftIn30d: 7 });
    await givenOfflinePayments(payer, 48, Array<string>(9).fill('COMPLETED'));
    expect(await left()).toEqual({ ...limits, leftIn24h: 3, leftIn30d: 0 });
  });
});
