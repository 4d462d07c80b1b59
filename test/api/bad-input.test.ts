import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_CODE_PREFIX, formatCode } from '../../domain/code/format.ts';
import { apiClient, type Answer, type ApiCall } from '../support/client.ts';
import {
  givenMerchant,
  givenPayer,
  paymentBody,
  type GivenMerchant,
  type GivenPayer,
} from '../support/givens.ts';
import { startStack, type Stack } from '../support/stack.ts';

interface ProblemBody {
  code: string;
  status: number;
  requestId: string;
  errors?: { pointer: string; code: string }[];
}

let stack: Stack;
let merchant: GivenMerchant;
let payer: GivenPayer;
let admin: ApiCall;

// No worker: whatever got past the edge would be seen as a started workflow or a written row.
beforeAll(async () => {
  stack = await startStack({ workers: 0, tillDeadlineMs: 500 });
  merchant = await givenMerchant(stack);
  payer = await givenPayer(stack, { balance: 1_000 });
  admin = apiClient(stack.baseUrl, stack.adminKey);
});
afterAll(() => stack.stop());

/** Everything that a request could have written, counted. */
async function written(): Promise<unknown> {
  const counts = await stack.pool.query(
    `select (select count(*) from payment) as payments, (select count(*) from transfer) as transfers,
            (select count(*) from app_user) as users, (select count(*) from merchant) as merchants,
            (select count(*) from api_key) as keys, (select count(*) from one_time_code) as codes,
            (select count(*) from enrolment) as enrolments, (select count(*) from device) as devices,
            (select md5(string_agg(merchant::text, '' order by merchant_id)) from merchant) as merchant_content`,
  );
  const workflows = await stack.temporal.workflow.count(`TaskQueue = '${stack.taskQueue}'`);
  return { ...counts.rows[0], workflows: workflows.count };
}

async function refused(
  call: () => Promise<Answer<ProblemBody>>,
  status: number,
  code: string,
): Promise<Answer<ProblemBody>> {
  const before = await written();
  const answer = await call();
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(answer.body.status).toBe(status);
  expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
  expect(await written()).toEqual(before);
  return answer;
}

const code = formatCode(DEFAULT_CODE_PREFIX, 'ONLINE', '1234567890123456');

describe('a payment request', () => {
  const amounts: [string, unknown][] = [
    ['zero', 0],
    ['negative', -1],
    ['fractional', 1.5],
    ['text', '100'],
    ['null', null],
    ['beyond the limit', 1_000_000_000_000],
    ['unsafe', 2 ** 53],
    ['a list', [1]],
    ['true', true],
  ];
  it.each(amounts)('with an amount that is %s is refused', async (_, amount) => {
    const answer = await refused(
      () => merchant.call<ProblemBody>('POST', '/v1/payments', { ...paymentBody({ code }), amount }),
      400,
      'INVALID_REQUEST',
    );
    expect(answer.body.errors).toMatchObject([{ pointer: '/amount' }]);
  });

  it.each([
    ['NaN', 'NaN'],
    ['an integer beyond a double', '9007199254740993'],
    ['huge', '1e400'],
    ['hexadecimal', '0x10'],
  ])('with an amount written %s is refused', async (_, text) => {
    const body = JSON.stringify({ ...paymentBody({ code }), amount: 424242 }).replace('424242', text);
    await refused(() => merchant.call<ProblemBody>('POST', '/v1/payments', body), 400, 'INVALID_REQUEST');
  });

  const codes: [string, string, string][] = [
    ['of 23 digits', code.slice(1), 'CODE_LENGTH'],
    ['of 25 digits', `${code}1`, 'CODE_LENGTH'],
    ['with a bad check digit', code.slice(0, 23) + String((Number(code[23]) + 1) % 10), 'CODE_CHECK_DIGIT'],
    ['with letters', `x${code.slice(1)}`, 'CODE_NOT_DIGITS'],
    ['of another issuer', formatCode('123456', 'ONLINE', '1'.repeat(16)), 'CODE_PREFIX'],
  ];
  it.each(codes)('with a code %s is refused', async (_, wrong, fault) => {
    const answer = await refused(
      () => merchant.call<ProblemBody>('POST', '/v1/payments', paymentBody({ code: wrong })),
      400,
      'INVALID_REQUEST',
    );
    expect(answer.body.errors).toMatchObject([{ pointer: '/code', code: fault }]);
  });

  it.each(['jpy', 'YEN!', '', 392, 'USD', 'XXX'])('with the currency %j is refused', async (currency) => {
    const answer = await refused(
      () => merchant.call<ProblemBody>('POST', '/v1/payments', { ...paymentBody({ code }), currency }),
      400,
      'INVALID_REQUEST',
    );
    expect(answer.body.errors).toMatchObject([{ pointer: '/currency' }]);
  });

  it.each(['', 'a b', 'x'.repeat(65), '../etc', 'ü', 'a\u0000'])(
    'with the id %j is refused',
    async (merchantPaymentId) => {
      await refused(
        () => merchant.call<ProblemBody>('POST', '/v1/payments', paymentBody({ code, merchantPaymentId })),
        400,
        'INVALID_REQUEST',
      );
    },
  );

  const items: [string, unknown, string][] = [
    [
      'an unknown field',
      [{ lineNo: 1, name: 'x', quantity: 1, unitAmount: 1, amount: 1, price: 1 }],
      '/items/0/price',
    ],
    ['no name', [{ lineNo: 1, quantity: 1, unitAmount: 1, amount: 1 }], '/items/0/name'],
    [
      'a fractional amount',
      [{ lineNo: 1, name: 'x', quantity: 1, unitAmount: 1, amount: 0.5 }],
      '/items/0/amount',
    ],
    [
      'an infinite quantity',
      [{ lineNo: 1, name: 'x', quantity: Infinity, unitAmount: 1, amount: 1 }],
      '/items/0/quantity',
    ],
    [
      'a NUL in a name',
      [{ lineNo: 1, name: 'a\u0000b', quantity: 1, unitAmount: 1, amount: 1 }],
      '/items/0/name',
    ],
    [
      'half a character',
      [{ lineNo: 1, name: 'a\ud800', quantity: 1, unitAmount: 1, amount: 1 }],
      '/items/0/name',
    ],
    [
      'the same line twice',
      [1, 1].map((lineNo) => ({ lineNo, name: 'x', quantity: 1, unitAmount: 1, amount: 1 })),
      '/items',
    ],
    [
      '501 lines',
      Array.from({ length: 501 }, (_, i) => ({
        lineNo: i + 1,
        name: 'x',
        quantity: 1,
        unitAmount: 1,
        amount: 1,
      })),
      '/items',
    ],
  ];
  it.each(items)('with lines that have %s is refused', async (_, lines, pointer) => {
    const answer = await refused(
      () => merchant.call<ProblemBody>('POST', '/v1/payments', { ...paymentBody({ code }), items: lines }),
      400,
      'INVALID_REQUEST',
    );
    expect(answer.body.errors?.map((it) => it.pointer)).toContain(pointer);
  });

  it('with many faults is told all of them at once', async () => {
    const answer = await refused(
      () =>
        merchant.call<ProblemBody>('POST', '/v1/payments', {
          amount: -1,
          currency: 'x',
          'a/b~c': 1,
          terminalId: 5,
        }),
      400,
      'INVALID_REQUEST',
    );
    expect(answer.body.errors?.map((it) => it.pointer).sort()).toEqual(
      ['/a~1b~0c', '/amount', '/code', '/currency', '/merchantPaymentId', '/storeId', '/terminalId'].sort(),
    );
  });

  it.each([
    ['nothing', ''],
    ['broken JSON', '{"amount":'],
    ['a list', '[]'],
    ['a number', '5'],
    ['null', 'null'],
    ['a prototype', '{"__proto__":{"amount":1}}'],
  ])('whose body is %s is refused', async (_, body) => {
    await refused(() => merchant.call<ProblemBody>('POST', '/v1/payments', body), 400, 'INVALID_REQUEST');
  });

  it('over 256 KiB is refused', async () => {
    const body = paymentBody({ code, receiptNumber: 'x'.repeat(300_000) });
    await refused(() => merchant.call<ProblemBody>('POST', '/v1/payments', body), 413, 'PAYLOAD_TOO_LARGE');
  });

  it.each([
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
  ])('sent as %s is refused', async (type) => {
    const send = () =>
      merchant.call<ProblemBody>('POST', '/v1/payments', JSON.stringify(paymentBody({ code })), {
        'content-type': type,
      });
    await refused(send, 415, 'UNSUPPORTED_MEDIA_TYPE');
  });
});

describe('a caller', () => {
  it.each([
    ['no key', undefined],
    ['a wrong key', 'ksk_merchant_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['a short key', 'x'],
    ['control characters for a key', 'ksk_merchant_\tAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
  ])('with %s is unauthenticated, before the body is looked at', async (_, key) => {
    const answer = await refused(
      () => apiClient(stack.baseUrl, key)<ProblemBody>('POST', '/v1/payments', '{"broken'),
      401,
      'UNAUTHENTICATED',
    );
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  });

  it('with a key of another role is refused', async () => {
    const attempts: [ApiCall, string, string][] = [
      [merchant.call, 'POST', '/v1/codes'],
      [merchant.call, 'POST', '/v1/users'],
      [merchant.call, 'POST', '/v1/keys'],
      [payer.call, 'POST', '/v1/payments'],
      [payer.call, 'PUT', '/v1/merchants/x'],
      [admin, 'GET', '/v1/me'],
      [admin, 'POST', '/v1/payments'],
    ];
    for (const [call, method, path] of attempts) {
      await refused(() => call<ProblemBody>(method, path), 403, 'FORBIDDEN_ROLE');
    }
  });

  it('of an unknown path or method is told so', async () => {
    await refused(() => merchant.call<ProblemBody>('GET', '/v1/nothing'), 404, 'NOT_FOUND');
    await refused(() => merchant.call<ProblemBody>('DELETE', '/v1/payments'), 404, 'NOT_FOUND');
    await refused(() => merchant.call<ProblemBody>('GET', '/v1/payments/%E0%A4%A'), 400, 'INVALID_REQUEST');
  });
});

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
