import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIssuerActivities } from '../../activities/issuer.ts';
import { accountId } from '../../db/ledger.ts';
import { apiClient, type ApiCall } from '../support/client.ts';
import { startEdge, type Edge, type ProblemBody } from '../support/edge.ts';
import { uniqueId } from '../support/givens.ts';
import { answerChecker, readOpenApi } from '../support/open-api.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';

let edge: Edge;
let admin: ApiCall;

beforeAll(async () => {
  edge = await startEdge();
  ({ admin } = edge);
});
afterAll(() => edge.stack.stop());

const GOOD = { name: 'Demo Credit', baseUrl: 'https://credit.example/kessai', timeZone: 'Asia/Tokyo' };

async function givenIssuer(baseUrl = GOOD.baseUrl): Promise<string> {
  const issuerId = uniqueId('i');
  expect((await admin('PUT', `/v1/issuers/${issuerId}`, { ...GOOD, baseUrl })).status).toBe(200);
  return issuerId;
}

describe('an issuer', () => {
  it('is stored as given, without a slash at the end of its address, and can be stored anew', async () => {
    const issuerId = await givenIssuer('https://credit.example/kessai/');
    const stored = { issuerId, ...GOOD };
    expect((await admin('GET', `/v1/issuers/${issuerId}`)).body).toEqual(stored);
    const moved = { ...GOOD, baseUrl: 'https://credit.example:8443' };
    await admin('PUT', `/v1/issuers/${issuerId}`, moved);
    expect((await admin('GET', `/v1/issuers/${issuerId}`)).body).toEqual({ issuerId, ...moved });
  });

  it.each([
    ['without TLS', { baseUrl: 'http://credit.example' }, '/baseUrl'],
    ['with a password', { baseUrl: 'https://a:b@credit.example' }, '/baseUrl'],
    ['with a query', { baseUrl: 'https://credit.example/?token=1' }, '/baseUrl'],
    ['with a fragment', { baseUrl: 'https://credit.example/#x' }, '/baseUrl'],
    ['of another scheme', { baseUrl: 'file:///etc/passwd' }, '/baseUrl'],
    ['in a zone that is none', { timeZone: 'Mars/Base' }, '/timeZone'],
    ['with a blank name', { name: ' ' }, '/name'],
    ['with a field that is not known', { secret: 'x' }, '/secret'],
  ])('%s is refused', async (_, more, pointer) => {
    const call = () => admin<ProblemBody>('PUT', '/v1/issuers/new', { ...GOOD, ...more });
    const answer = await edge.refused(call, 400, 'INVALID_REQUEST');
    expect(answer.body.errors?.map((it) => it.pointer)).toEqual([pointer]);
    expect((await admin('GET', '/v1/issuers/new')).status).toBe(404);
  });

  it('that is unknown has no secret and no attempts', async () => {
    const secret = () => admin<ProblemBody>('POST', '/v1/issuers/none/signing-secret');
    await edge.refused(secret, 404, 'NOT_FOUND');
    const attempts = () => admin<ProblemBody>('GET', '/v1/issuers/none/attempts?key=a');
    await edge.refused(attempts, 404, 'NOT_FOUND');
  });

  it.each(['merchant', 'issuer', 'parking', 'service'])('is no business of a %s key', async (role) => {
    const { merchantId: tenantId } = edge.merchant;
    const made = await admin<{ key: string }>('POST', '/v1/keys', { role, tenantId, name: 'x' });
    const call = apiClient(edge.stack.baseUrl, made.body.key);
    for (const [method, path, body] of [
      ['PUT', '/v1/issuers/x', GOOD],
      ['GET', '/v1/issuers/x', undefined],
      ['POST', '/v1/issuers/x/signing-secret', undefined],
      ['GET', '/v1/issuers/x/attempts?key=a', undefined],
      ['PUT', `/v1/users/${edge.payer.userId}/pay-later`, { issuerId: 'x', accountRef: 'r' }],
    ] as const) {
      await edge.refused(() => call<ProblemBody>(method, path, body), 403, 'FORBIDDEN_ROLE');
    }
  });

  it('is described by the OpenAPI document as it is answered', async () => {
    const faultsOf = answerChecker(await readOpenApi(edge.stack.baseUrl));
    const issuerId = await givenIssuer();
    const pay = { issuerId, accountRef: 'r' };
    const answers = [
      ['PUT /v1/issuers/{issuerId}', await admin('PUT', `/v1/issuers/${issuerId}`, GOOD)],
      ['GET /v1/issuers/{issuerId}', await admin('GET', `/v1/issuers/${issuerId}`)],
      [
        'POST /v1/issuers/{issuerId}/signing-secret',
        await admin('POST', `/v1/issuers/${issuerId}/signing-secret`),
      ],
      [
        'GET /v1/issuers/{issuerId}/attempts',
        await admin('GET', `/v1/issuers/${issuerId}/attempts?key=payment:m:p:void`),
      ],
      [
        'PUT /v1/users/{userId}/pay-later',
        await admin('PUT', `/v1/users/${edge.payer.userId}/pay-later`, pay),
      ],
    ] as const;
    for (const [operation, answer] of answers) {
      expect({ operation, faults: faultsOf(operation, answer) }).toEqual({ operation, faults: [] });
    }
  });
});

describe('calls to an issuer', () => {
  it('are signed with the old and the new secret while they rotate, each for its own key, and every one is listed', async () => {
    const receiver = await startWebhookReceiver();
    try {
      const issuerId = await givenIssuer(receiver.url);
      const rotate = () =>
        admin<{ secret: string; previousValidUntil?: string }>(
          'POST',
          `/v1/issuers/${issuerId}/signing-secret`,
        );
      const first = await rotate();
      expect(first).toMatchObject({
        status: 201,
        body: { secret: expect.stringMatching(/^whsec_/) as string },
      });
      expect(first.body.previousValidUntil).toBeUndefined();
      const second = await rotate();
      const inADay = Date.parse(second.body.previousValidUntil ?? '') - Date.now();
      expect(inADay).toBeGreaterThan(23 * 3_600_000);
      expect(second.body.secret).not.toBe(first.body.secret);

      const { pool, sealer } = edge.stack;
      const activities = createIssuerActivities({ pool, sealer });
      const key = 'payment:m:p:void';
      receiver.answerWith(503);
      expect(
        await activities.askIssuer({ issuerId, key, operation: 'VOID', authorisationKey: 'a', amount: 1 }),
      ).toEqual({ kind: 'UNKNOWN', why: 'answered 503' });
      receiver.answerWith(404);
      expect(await activities.lookUpIssuer({ issuerId, key })).toEqual({ kind: 'NOT_FOUND' });

      const [posted, got] = receiver.received;
      expect(JSON.parse(posted?.body ?? '')).toEqual({ key, authorisationKey: 'a' });
      for (const received of [posted, got]) {
        expect(received?.headers['webhook-id']).toBe(key);
        for (const { secret } of [first.body, second.body]) {
          const verify = () => new Webhook(secret).verify(received?.body ?? '', received?.headers ?? {});
          expect(verify).not.toThrow();
        }
      }
      const attempts = await admin<{ items: object[] }>('GET', `/v1/issuers/${issuerId}/attempts?key=${key}`);
      expect(attempts.body.items).toMatchObject([
        { key, operation: 'VOID', url: `${receiver.url}/v1/voids`, statusCode: 503, outcome: 'UNKNOWN' },
        { key, operation: 'LOOK_UP', statusCode: 404, outcome: 'NOT_FOUND' },
      ]);
    } finally {
      receiver.close();
    }
  });

  it('that rotate at once leave two valid secrets, both known to somebody', async () => {
    const issuerId = await givenIssuer();
    const made = await Promise.all(
      Array.from({ length: 5 }, () => admin('POST', `/v1/issuers/${issuerId}/signing-secret`)),
    );
    expect(made.map((it) => it.status)).toEqual([201, 201, 201, 201, 201]);
    const kept = await edge.stack.pool.query('select 1 from webhook_secret where owner_id = $1', [issuerId]);
    expect(kept.rowCount).toBe(2);
  });
});

describe('a pay-later account', () => {
  it('of a user opens the account of the issuer in the ledger, once for all its users', async () => {
    const issuerId = await givenIssuer();
    const path = `/v1/users/${edge.payer.userId}/pay-later`;
    const body = { issuerId, accountRef: 'ref-1' };
    for (const accountRef of ['ref-0', 'ref-1', 'ref-1']) {
      expect((await admin('PUT', path, { ...body, accountRef })).status).toBe(200);
    }
    const stored = await edge.stack.pool.query(
      'select issuer_id, account_ref from pay_later_account where user_id = $1',
      [edge.payer.userId],
    );
    expect(stored.rows).toEqual([{ issuer_id: issuerId, account_ref: 'ref-1' }]);
    const account = await edge.stack.pool.query(
      `select kind, currency, exists (select 1 from balance b where b.account_id = a.account_id) as guarded
         from account a where account_id = $1`,
      [accountId.issuer(issuerId, 'JPY')],
    );
    expect(account.rows).toEqual([{ kind: 'ISSUER', currency: 'JPY', guarded: false }]);
  });

  it('needs a user and an issuer that are there', async () => {
    const issuerId = await givenIssuer();
    const put = (userId: string, issuer: string) => () =>
      admin<ProblemBody>('PUT', `/v1/users/${userId}/pay-later`, { issuerId: issuer, accountRef: 'r' });
    await edge.refused(put('nobody', issuerId), 404, 'NOT_FOUND');
    await edge.refused(put(edge.payer.userId, 'none'), 404, 'NOT_FOUND');
  });
});
