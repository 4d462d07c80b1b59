import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROBLEMS } from '../../api/http/problem.ts';
import { DECLINE_CODES } from '../../domain/payment/payment.ts';
import { apiClient } from '../support/client.ts';
import { givenMerchant, givenPayer, pay } from '../support/givens.ts';
import { answerChecker, readOpenApi, undocumentedAnswers } from '../support/open-api.ts';
import { startStack, type Stack } from '../support/stack.ts';

let stack: Stack;
const logged: string[] = [];

beforeAll(async () => {
  stack = await startStack({ rateLimits: { issuer: 3 }, onLog: (line) => logged.push(line) });
});
afterAll(() => stack.stop());

describe('the description of the API', () => {
  it('is OpenAPI 3.1 with every endpoint of the contract that exists', async () => {
    const body = await readOpenApi(stack.baseUrl);
    expect(body.openapi).toBe('3.1.0');
    const operations = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(operations).toEqual(
      expect.arrayContaining([
        'POST /v1/payments',
        'GET /v1/payments/{merchantPaymentId}',
        'POST /v1/payments/{merchantPaymentId}/cancel',
        'POST /v1/codes',
        'GET /v1/time',
        'POST /v1/devices',
        'GET /v1/me',
        'GET /v1/me/payments',
        'GET /v1/me/events',
        'POST /v1/users',
        'POST /v1/users/{userId}/enrolments',
        'POST /v1/users/{userId}/top-ups',
        'PUT /v1/merchants/{merchantId}',
        'POST /v1/keys',
        'DELETE /v1/keys/{keyId}',
        'POST /v1/webhook-events/{eventId}/replay',
      ]),
    );
    const ids = Object.values(body.paths).flatMap((methods) =>
      Object.values(methods).map((it) => it.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(Object.keys(body.components.schemas)).toEqual(expect.arrayContaining(['Payment', 'Problem']));
  });

  it('refers only to schemas that it has', async () => {
    const body = await readOpenApi(stack.baseUrl);
    const refs = [...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
      (match) => match[1],
    );
    expect(refs.length).toBeGreaterThan(0);
    for (const name of refs) expect(Object.keys(body.components.schemas)).toContain(name);
  });

  it('can be read without the internet: page, scripts and styles come from here', async () => {
    const page = await (await fetch(`${stack.baseUrl}/docs`)).text();
    const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(
      (match) => new URL(match[1] ?? '', `${stack.baseUrl}/docs`),
    );
    expect(links.length).toBeGreaterThanOrEqual(4);
    for (const link of links) {
      expect(link.origin).toBe(stack.baseUrl);
      expect((await fetch(link)).status).toBe(200);
    }
  });
});

describe('the pages of the documentation', () => {
  it('lead from /docs/ to /docs, where their links are right', async () => {
    const answer = await fetch(`${stack.baseUrl}/docs/`);
    expect(new URL(answer.url).pathname).toBe('/docs');
    expect(answer.status).toBe(200);
  });

  it('say of every problem and every decline what it means, where `type` points', async () => {
    const answer = await apiClient(stack.baseUrl)('GET', '/v1/nothing');
    const type = new URL(String(answer.body.type), stack.baseUrl);
    const page = await (await fetch(type)).text();
    expect(page).toContain(`id="${type.hash.slice(1)}"`);
    for (const code of [...Object.keys(PROBLEMS), ...DECLINE_CODES])
      expect(page).toMatch(
        new RegExp(`<dt id="[a-z-]+"><code>(\\d{3} )?${code}</code></dt><dd>.{40,}?</dd>`),
      );
    const ids = [...page.matchAll(/id="([^"]+)"/g)].map((it) => it[1]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('operations', () => {
  it('see whether the process is up, and whether Postgres and Temporal answer', async () => {
    const call = apiClient(stack.baseUrl);
    expect(await call('GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'up' } });
    expect(await call('GET', '/readyz')).toMatchObject({
      status: 200,
      body: { status: 'ready', postgres: 'up', temporal: 'up' },
    });
  });

  it('get metrics by route, not by path', async () => {
    const merchant = await givenMerchant(stack);
    await merchant.call('GET', '/v1/payments/some-id-of-a-till');
    const metrics = await (await fetch(`${stack.baseUrl}/metrics`)).text();
    expect(metrics).toContain('route="GET /v1/payments/{merchantPaymentId}",status="404"');
    expect(metrics).not.toContain('some-id-of-a-till');
  });

  it('find a request by its id, and no key, code or name in the logs', async () => {
    const merchant = await givenMerchant(stack);
    const payer = await givenPayer(stack, { balance: 1_000 });
    const code = await payer.code();
    await pay(merchant, { code });
    const answer = await merchant.call('GET', '/v1/payments/x?code=12345', undefined, {
      'x-request-id': 'till-7.42',
    });
    expect(answer.headers.get('x-request-id')).toBe('till-7.42');
    const odd = await merchant.call('GET', '/v1/payments/x', undefined, { 'x-request-id': 'a"b' });
    expect(odd.headers.get('x-request-id')).toMatch(/^req_/);
    const text = logged.join('');
    expect(text).toContain('till-7.42');
    for (const secret of [merchant.key, payer.deviceToken, stack.adminKey, code, 'Test User', 'code=12345']) {
      expect(text).not.toContain(secret);
    }
  });

  it('browsers are told to be careful', async () => {
    const { headers } = await fetch(`${stack.baseUrl}/docs`);
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-powered-by')).toBeNull();
  });
});

describe('a key', () => {
  it('that asks too often is told when to come back; other keys are not hindered', async () => {
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    const keys = await Promise.all(
      ['a', 'b'].map((tenantId) =>
        admin<{ key: string }>('POST', '/v1/keys', { role: 'issuer', tenantId, name: 'x' }),
      ),
    );
    const [first, second] = keys.map((it) => apiClient(stack.baseUrl, it.body.key));
    const askTwice = async (call: typeof first) => [
      await call?.('GET', '/v1/me'),
      await call?.('GET', '/v1/me'),
    ];
    const answers = [...(await askTwice(first)), ...(await askTwice(first))];
    expect(answers.map((it) => it?.status)).toEqual([403, 403, 403, 429]);
    expect(answers[3]?.body).toMatchObject({ code: 'RATE_LIMITED' });
    expect(Number(answers[3]?.headers.get('retry-after'))).toBeGreaterThan(0);
    const faultsOf = answerChecker(await readOpenApi(stack.baseUrl));
    expect(answers.map((it) => it && faultsOf('GET /v1/me', it))).toEqual([[], [], [], []]);
    expect((await askTwice(second)).map((it) => it?.status)).toEqual([403, 403]);
  });

  it('that is guessed is counted by address', async () => {
    const guessing = await startStack({ workers: 0, rateLimits: { public: 3 } });
    try {
      const guess = apiClient(guessing.baseUrl, `ksk_admin_${'A'.repeat(43)}`);
      const statuses = [];
      for (let i = 0; i < 4; i++) statuses.push((await guess('GET', '/v1/me')).status);
      expect(statuses).toEqual([401, 401, 401, 429]);
    } finally {
      await guessing.stop();
    }
  });
});

describe('all that was answered above', () => {
  it('is documented', async () => {
    expect(await undocumentedAnswers(stack.baseUrl)).toEqual([]);
  });
});
