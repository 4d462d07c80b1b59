import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OperationView } from '../../partners/issuer/operations.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { uniqueId } from '../support/givens.ts';
import { startProgram } from '../support/program.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
const secret = newSecret();

let database: TestDatabase;
let issuer: TestIssuer;

beforeAll(async () => {
  database = await createTestDatabase();
  issuer = await startIssuer(database.url);
  await issuer.trust(secret);
});
afterEach(async () => {
  await issuer.setFaults();
  // Whatever a test did, the books add up.
  expect((await issuer.books()).breaks).toEqual([]);
});
afterAll(async () => {
  await issuer.close();
  await database.drop();
});

interface Reply {
  readonly status: number;
  readonly body: OperationView & { code?: string };
}

async function signed(
  method: string,
  path: string,
  body: unknown,
  it: { key: string; secrets?: string[]; at?: Date; sentBody?: string; signal?: AbortSignal },
): Promise<Reply> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const at = it.at ?? new Date();
  const signatures = (it.secrets ?? [secret]).map((each) => new Webhook(each).sign(it.key, at, text));
  const response = await fetch(issuer.baseUrl + path, {
    method,
    headers: {
      'webhook-id': it.key,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': signatures.join(' '),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    signal: it.signal ?? AbortSignal.timeout(10_000),
    ...(body === undefined ? {} : { body: it.sentBody ?? text }),
  });
  return { status: response.status, body: (await response.json()) as Reply['body'] };
}

const post = (path: string, body: { key: string }, more: { signal?: AbortSignal } = {}): Promise<Reply> =>
  signed('POST', path, body, { key: body.key, ...more });
const authorise = (key: string, accountRef: string, amount: number): Promise<Reply> =>
  post('/v1/authorisations', { key, accountRef, amount, currency: 'JPY' } as { key: string });
const capture = (key: string, authorisationKey: string, amount: number): Promise<Reply> =>
  post('/v1/captures', { key, authorisationKey, amount } as { key: string });
const voidIt = (key: string, authorisationKey: string): Promise<Reply> =>
  post('/v1/voids', { key, authorisationKey } as { key: string });
const refund = (key: string, authorisationKey: string, amount: number): Promise<Reply> =>
  post('/v1/refunds', { key, authorisationKey, amount } as { key: string });
const lookUp = (key: string): Promise<Reply> => signed('GET', `/v1/operations/${key}`, undefined, { key });

const newKey = (what: string): string => `payment:shop:${uniqueId('p')}:${what}`;

async function givenCaptured(limit: number, amount: number): Promise<{ ref: string; key: string }> {
  const ref = await issuer.account(limit);
  const key = newKey('authorise');
  expect((await authorise(key, ref, amount)).body.status).toBe('DONE');
  expect((await capture(newKey('capture'), key, amount)).body.status).toBe('DONE');
  return { ref, key };
}

describe('an authorisation', () => {
  it('takes from the credit line what it reserves, up to the limit to the yen', async () => {
    const ref = await issuer.account(1_000);
    const first = await authorise(newKey('authorise'), ref, 400);
    expect(first).toMatchObject({ status: 200, body: { operation: 'AUTHORISE', status: 'DONE' } });
    const over = await authorise(newKey('authorise'), ref, 601);
    expect(over).toMatchObject({ status: 200, body: { status: 'REFUSED', code: 'CREDIT_LIMIT_EXCEEDED' } });
    expect((await authorise(newKey('authorise'), ref, 600)).body.status).toBe('DONE');
    expect(await issuer.accountOf(ref)).toMatchObject({ limit: 1_000, used: 1_000, captured: 0 });
  });

  it('asked for 50 times at once under one key reserves once and answers the same', async () => {
    const ref = await issuer.account(1_000_000);
    const key = newKey('authorise');
    const answers = await Promise.all(Array.from({ length: 50 }, () => authorise(key, ref, 300)));
    expect(new Set(answers.map((it) => it.status))).toEqual(new Set([200]));
    expect(new Set(answers.map((it) => it.body.reference)).size).toBe(1);
    expect((await issuer.accountOf(ref)).used).toBe(300);
  });

  it('never lends above the line, also 50 of them at once', async () => {
    const ref = await issuer.account(1_000);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => authorise(newKey('authorise'), ref, 300)),
    );
    expect(answers.filter((it) => it.body.status === 'DONE')).toHaveLength(3);
    expect((await issuer.accountOf(ref)).used).toBe(900);
  });

  it('that was refused stays refused when the line would allow it later', async () => {
    const ref = await issuer.account(100);
    const key = newKey('authorise');
    const before = await authorise(key, ref, 200);
    await issuer.admin('PUT', `/v1/accounts/${ref}`, { limit: 1_000 });
    expect(await authorise(key, ref, 200)).toEqual(before);
  });

  it('of an unknown account or in another currency is refused by name', async () => {
    const unknown = await authorise(newKey('authorise'), 'nobody', 100);
    expect(unknown.body).toMatchObject({ status: 'REFUSED', code: 'ACCOUNT_UNKNOWN' });
    const key = newKey('authorise');
    const body = { key, accountRef: await issuer.account(1_000), amount: 1, currency: 'USD' };
    expect((await post('/v1/authorisations', body)).body).toMatchObject({ code: 'CURRENCY_MISMATCH' });
  });
});

describe('a key', () => {
  it('used for another body or another operation answers 422 and changes nothing', async () => {
    const ref = await issuer.account(1_000);
    const key = newKey('authorise');
    await authorise(key, ref, 100);
    expect(await authorise(key, ref, 101)).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_MISMATCH' },
    });
    expect((await capture(key, key, 100)).status).toBe(422);
    expect(await issuer.accountOf(ref)).toMatchObject({ used: 100, captured: 0 });
  });

  it('is looked up with the answer that was given, or 404', async () => {
    const ref = await issuer.account(100);
    const key = newKey('authorise');
    expect(await lookUp(key)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    const answer = await authorise(key, ref, 200);
    expect(await lookUp(key)).toEqual(answer);
  });
});

describe('captures and refunds', () => {
  it('can be partial and several, and never exceed what was authorised and captured', async () => {
    const ref = await issuer.account(1_000);
    const key = newKey('authorise');
    await authorise(key, ref, 500);
    expect((await refund(newKey('refund'), key, 1)).body.code).toBe('REFUND_EXCEEDS_CAPTURED');
    expect((await capture(newKey('capture'), key, 200)).body.status).toBe('DONE');
    expect((await capture(newKey('capture'), key, 301)).body.code).toBe('CAPTURE_EXCEEDS_AUTHORISED');
    expect((await capture(newKey('capture'), key, 300)).body.status).toBe('DONE');
    expect((await refund(newKey('refund'), key, 100)).body.status).toBe('DONE');
    expect((await refund(newKey('refund'), key, 401)).body.code).toBe('REFUND_EXCEEDS_CAPTURED');
    expect((await refund(newKey('refund'), key, 400)).body.status).toBe('DONE');
    expect(await issuer.accountOf(ref)).toMatchObject({ used: 0, captured: 0 });
  });

  it('at once keep to the bounds', async () => {
    const { ref, key } = await givenCaptured(1_000, 1_000);
    const refunds = await Promise.all(Array.from({ length: 20 }, () => refund(newKey('refund'), key, 300)));
    expect(refunds.filter((it) => it.body.status === 'DONE')).toHaveLength(3);
    expect((await issuer.accountOf(ref)).captured).toBe(100);
  });

  it('of what was never authorised are refused', async () => {
    expect((await capture(newKey('capture'), newKey('authorise'), 1)).body.code).toBe(
      'AUTHORISATION_UNKNOWN',
    );
    expect((await refund(newKey('refund'), newKey('authorise'), 1)).body.code).toBe('AUTHORISATION_UNKNOWN');
  });
});

describe('a void', () => {
  it('gives back what was reserved, and after a capture and a partial refund the rest of both', async () => {
    const ref = await issuer.account(1_000);
    const key = newKey('authorise');
    await authorise(key, ref, 1_000);
    await capture(newKey('capture'), key, 600);
    await refund(newKey('refund'), key, 100);
    expect(await issuer.accountOf(ref)).toMatchObject({ used: 900, captured: 500 });
    expect((await voidIt(newKey('void'), key)).body.status).toBe('DONE');
    expect(await issuer.accountOf(ref)).toMatchObject({ used: 0, captured: 0 });
    expect((await capture(newKey('capture'), key, 1)).body.code).toBe('VOIDED');
    expect((await refund(newKey('refund'), key, 1)).body.code).toBe('VOIDED');
    expect((await voidIt(newKey('void'), key)).body.status).toBe('DONE');
    expect((await issuer.accountOf(ref)).used).toBe(0);
  });

  it('that comes before its authorisation leaves a tombstone: the authorisation is refused', async () => {
    const ref = await issuer.account(1_000);
    const key = newKey('authorise');
    expect((await voidIt(newKey('void'), key)).body.status).toBe('DONE');
    expect(await lookUp(key)).toMatchObject({ status: 404 });
    expect((await authorise(key, ref, 100)).body).toMatchObject({ status: 'REFUSED', code: 'VOIDED' });
    expect((await issuer.accountOf(ref)).used).toBe(0);
  });

  it('at the same time as its authorisation leaves nothing reserved, whichever comes first', async () => {
    const ref = await issuer.account(100_000);
    await Promise.all(
      Array.from({ length: 25 }, async () => {
        const key = newKey('authorise');
        await Promise.all([authorise(key, ref, 100), voidIt(newKey('void'), key)]);
      }),
    );
    expect((await issuer.accountOf(ref)).used).toBe(0);
  });
});

describe('a call', () => {
  const body = (key: string): { key: string } => ({ key });

  it('without a signature, with another secret, old, or over another body is not believed', async () => {
    const key = newKey('void');
    const call = { key, authorisationKey: newKey('authorise') };
    const unsigned = await fetch(`${issuer.baseUrl}/v1/voids`, {
      method: 'POST',
      body: JSON.stringify(call),
    });
    expect(unsigned.status).toBe(401);
    expect(unsigned.headers.get('content-type')).toContain('application/problem+json');
    const old = new Date(Date.now() - 6 * 60_000);
    for (const more of [
      { secrets: [newSecret()] },
      { at: old },
      { sentBody: JSON.stringify({ ...call, authorisationKey: newKey('authorise') }) },
    ]) {
      const answer = await signed('POST', '/v1/voids', call, { key, ...more });
      expect(answer).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    }
    expect(await issuer.stored(key)).toBeUndefined();
  });

  it('is signed for its own key: a look-up of another one is not believed', async () => {
    const answer = await signed('GET', `/v1/operations/${newKey('authorise')}`, undefined, {
      key: 'another',
    });
    expect(answer.status).toBe(401);
    const key = newKey('void');
    const moved = await signed('POST', '/v1/voids', { key, authorisationKey: 'a' }, { key: newKey('void') });
    expect(moved.status).toBe(401);
  });

  it('may be signed with the old secret, the new one or both while they rotate, and then only with the new one', async () => {
    const fresh = newSecret();
    await issuer.trust(fresh, secret);
    for (const secrets of [[secret], [fresh], [secret, fresh]]) {
      expect((await signed('GET', '/v1/operations/none', undefined, { key: 'none', secrets })).status).toBe(
        404,
      );
    }
    await issuer.trust(fresh);
    const withOld = await signed('GET', '/v1/operations/none', undefined, { key: 'none', secrets: [secret] });
    expect(withOld.status).toBe(401);
    await issuer.trust(secret);
  });

  it('that is malformed answers 400 with the fault, and keeps nothing', async () => {
    const key = newKey('authorise');
    for (const bad of [
      body(key),
      { key, accountRef: 'x', amount: 0, currency: 'JPY' },
      { key, accountRef: 'x', amount: 1.5, currency: 'JPY' },
      { key, accountRef: 'x', amount: 1, currency: 'JPY', more: true },
    ]) {
      const answer = await post('/v1/authorisations', bad);
      expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    }
    const broken = await signed('POST', '/v1/voids', body(key), { key, sentBody: '{"key":' });
    expect(broken.status).toBe(401);
    expect((await lookUp(key)).status).toBe(404);
  });
});

describe('administration', () => {
  it("takes the key of the issuer's staff only, and a partner's signature opens nothing there", async () => {
    const answer = await fetch(`${issuer.baseUrl}/v1/books`, { headers: { authorization: 'Bearer wrong' } });
    expect(answer.status).toBe(401);
    const asPartner = await signed('PUT', '/v1/accounts/mine', { limit: 9_999 }, { key: 'k' });
    expect(asPartner.status).toBe(401);
    expect((await issuer.admin('GET', '/v1/accounts/mine')).status).toBe(404);
  });

  it('keeps what was lent when a limit falls below it, and lends no more', async () => {
    const { ref, key } = await givenCaptured(1_000, 800);
    await issuer.admin('PUT', `/v1/accounts/${ref}`, { limit: 500 });
    expect(await issuer.accountOf(ref)).toMatchObject({ limit: 500, used: 800, captured: 800 });
    expect((await authorise(newKey('authorise'), ref, 1)).body.code).toBe('CREDIT_LIMIT_EXCEEDED');
    expect((await refund(newKey('refund'), key, 800)).body.status).toBe('DONE');
  });
});

describe('the program', () => {
  const staffKey = 'the key of the staff here';

  it.each([
    [
      'without settings',
      { ISSUER_DATABASE_URL: undefined, ISSUER_ADMIN_KEY: undefined },
      'ISSUER_DATABASE_URL is not set; ISSUER_ADMIN_KEY is not set',
    ],
    [
      'with a short key',
      { ISSUER_DATABASE_URL: 'postgres://h/x', ISSUER_ADMIN_KEY: 'short' },
      'ISSUER_ADMIN_KEY must have 20 characters or more',
    ],
    [
      'without its Postgres',
      { ISSUER_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/x', ISSUER_ADMIN_KEY: staffKey },
      'the Postgres of ISSUER_DATABASE_URL cannot be used (connect ECONNREFUSED 127.0.0.1:1)',
    ],
  ])('%s ends with one sentence', async (_, env, sentence) => {
    const program = startProgram('partners/issuer/main.ts', env);
    expect(await program.exitCode()).toBe(1);
    expect(program.errors().trim()).toBe(`The issuer cannot start: ${sentence}.`);
  });
});

describe('the fault', () => {
  const switchOn = (operation: 'AUTHORISE' | 'LOOK_UP', fault: string, delayMs?: number): Promise<void> =>
    issuer.setFaults({ operation, fault, times: 1, ...(delayMs === undefined ? {} : { delayMs }) } as never);
  const impatient = (key: string, ref: string): Promise<Reply> =>
    post('/v1/authorisations', { key, accountRef: ref, amount: 100, currency: 'JPY' } as { key: string }, {
      signal: AbortSignal.timeout(300),
    });

  it('TIME_OUT_AFTER_COMMIT gives no answer and has done it', async () => {
    const ref = await issuer.account(1_000);
    const key = newKey('authorise');
    await switchOn('AUTHORISE', 'TIME_OUT_AFTER_COMMIT');
    await expect(impatient(key, ref)).rejects.toThrow('timeout');
    expect((await lookUp(key)).body.status).toBe('DONE');
    expect((await authorise(key, ref, 100)).body.status).toBe('DONE');
    expect((await issuer.accountOf(ref)).used).toBe(100);
  });

  it('TIME_OUT_BEFORE gives no answer and has done nothing', async () => {
    const ref = await issuer.account(1_000);
    const key = newKey('authorise');
    await switchOn('AUTHORISE', 'TIME_OUT_BEFORE');
    await expect(impatient(key, ref)).rejects.toThrow('timeout');
    expect((await lookUp(key)).status).toBe(404);
  });

  it('SLOW does it late, also when the caller has gone', async () => {
    const ref = await issuer.account(1_000);
    const key = newKey('authorise');
    await switchOn('AUTHORISE', 'SLOW', 600);
    await expect(impatient(key, ref)).rejects.toThrow('timeout');
    expect((await lookUp(key)).status).toBe(404);
    await expect.poll(async () => (await lookUp(key)).body.status, { timeout: 5_000 }).toBe('DONE');
  });

  it('SLOW is over when switches are set', async () => {
    const ref = await issuer.account(1_000);
    const key = newKey('authorise');
    await switchOn('AUTHORISE', 'SLOW', 600_000);
    await expect(impatient(key, ref)).rejects.toThrow('timeout');
    await issuer.setFaults();
    await expect.poll(async () => (await lookUp(key)).body.status, { timeout: 5_000 }).toBe('DONE');
  });

  it('with a key meets the calls under that key alone', async () => {
    const ref = await issuer.account(1_000);
    const [one, other] = [newKey('authorise'), newKey('authorise')];
    await issuer.setFaults({ operation: 'AUTHORISE', fault: 'ERROR_500', times: 1, key: other });
    expect((await authorise(one, ref, 100)).status).toBe(200);
    expect((await authorise(other, ref, 100)).status).toBe(500);
    expect((await authorise(other, ref, 100)).status).toBe(200);
  });

  it.each([
    ['ERROR_500', 500],
    ['NOT_FOUND', 404],
  ])('%s answers %i and has done nothing', async (fault, status) => {
    const key = newKey('authorise');
    const ref = await issuer.account(1_000);
    await switchOn('AUTHORISE', fault);
    expect((await authorise(key, ref, 100)).status).toBe(status);
    expect(await issuer.stored(key)).toBeUndefined();
    expect((await authorise(key, ref, 100)).body.status).toBe('DONE');
  });

  it('DECLINE refuses for good', async () => {
    const key = newKey('authorise');
    const ref = await issuer.account(1_000);
    await switchOn('AUTHORISE', 'DECLINE');
    const answer = await authorise(key, ref, 100);
    expect(answer.body).toMatchObject({ status: 'REFUSED', code: 'DECLINED' });
    expect(await authorise(key, ref, 100)).toEqual(answer);
  });

  it('of a look-up hides what was done as often as asked', async () => {
    const key = newKey('authorise');
    await authorise(key, await issuer.account(1_000), 100);
    await switchOn('LOOK_UP', 'NOT_FOUND');
    expect((await lookUp(key)).status).toBe(404);
    expect((await lookUp(key)).body.status).toBe('DONE');
  });
});
