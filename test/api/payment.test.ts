import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPrincipal } from '../../db/key.ts';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { accountId, entrySum } from '../../db/ledger.ts';
import { assertDefined } from '../../domain/assert.ts';
import { DEFAULT_CODE_PREFIX, formatCode } from '../../domain/code/format.ts';
import { apiClient } from '../support/client.ts';
import {
  givenMerchant,
  givenPayer,
  pay,
  paymentBody,
  uniqueId,
  type GivenMerchant,
} from '../support/givens.ts';
import { startStack, type Stack } from '../support/stack.ts';

let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack();
  merchant = await givenMerchant(stack);
});
afterAll(async () => {
  const { breaks } = await verifyLedger(stack.pool);
  await stack.stop();
  expect(breaks).toEqual([]);
});

const digitsOf = (n: number): string => String(n).padStart(16, '0');

describe('a payment with an online code', () => {
  it('is completed, and the money has moved', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const answer = await pay(merchant, { code: await payer.code(), amount: 400, receiptNumber: 'R 1' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('idempotency-hit')).toBeNull();
    expect(answer.body).toMatchObject({
      status: 'COMPLETED',
      merchantId: merchant.merchantId,
      amount: 400,
      currency: 'JPY',
      refundedAmount: 0,
      codeMode: 'ONLINE',
      fundingSource: 'BALANCE',
      receiptNumber: 'R 1',
      storeId: 's1',
      terminalId: 't1',
    });
    expect(Object.keys(answer.body)).not.toContain('declineCode');
    expect(await payer.balance()).toBe(600);
    const found = await merchant.call('GET', `/v1/payments/${answer.body.merchantPaymentId}`);
    expect(found).toMatchObject({ status: 200, body: answer.body });
  });

  it('above the balance is declined, and its code is spent by that', async () => {
    const payer = await givenPayer(stack, { balance: 399 });
    const code = await payer.code();
    const first = await pay(merchant, { code, amount: 400 });
    expect(first).toMatchObject({
      status: 200,
      body: { status: 'DECLINED', declineCode: 'INSUFFICIENT_FUNDS' },
    });
    const second = await pay(merchant, { code, amount: 100 });
    expect(second.body).toMatchObject({ status: 'DECLINED', declineCode: 'CODE_ALREADY_USED' });
    expect(await payer.balance()).toBe(399);
  });

  it('with a code that nobody issued is declined as CODE_INVALID, online or offline', async () => {
    for (const mode of ['ONLINE', 'OFFLINE'] as const) {
      const answer = await pay(merchant, { code: formatCode(DEFAULT_CODE_PREFIX, mode, digitsOf(42)) });
      expect(answer).toMatchObject({ status: 200, body: { declineCode: 'CODE_INVALID', codeMode: mode } });
    }
  });

  it('with an expired code is declined, and the code is spent', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const code = await payer.code();
    await stack.pool.query(
      `update one_time_code set expires_at = now() where code_digest = decode($1, 'hex')`,
      [stack.digestCode(code)],
    );
    expect((await pay(merchant, { code })).body.declineCode).toBe('CODE_EXPIRED');
    expect((await pay(merchant, { code })).body.declineCode).toBe('CODE_ALREADY_USED');
  });

  it('of a suspended user is declined until the user may pay again', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    await admin('PUT', `/v1/users/${payer.userId}/status`, { status: 'SUSPENDED' });
    expect((await pay(merchant, { code: await payer.code() })).body.declineCode).toBe('ACCOUNT_SUSPENDED');
    await admin('PUT', `/v1/users/${payer.userId}/status`, { status: 'ACTIVE' });
    expect((await pay(merchant, { code: await payer.code() })).body.status).toBe('COMPLETED');
  });

  it('keeps its lines, with coupons, zeros and weights', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const items = [
      {
        lineNo: 1,
        name: 'りんご',
        gtin: '4901234567894',
        category: 'FRUIT',
        quantity: 0.35,
        unitAmount: 800,
        amount: 280,
      },
      { lineNo: 2, name: 'coupon', quantity: 1, unitAmount: -30, amount: -30 },
      { lineNo: 3, name: 'bag', quantity: 0, unitAmount: 0, amount: 0 },
    ];
    const answer = await pay(merchant, { code: await payer.code(), amount: 250, items });
    expect(answer.body.status).toBe('COMPLETED');
    const stored = await stack.pool.query<{ items: unknown }>(
      'select items from payment where payment_id = $1',
      [answer.body.paymentId],
    );
    expect(stored.rows[0]?.items).toEqual(items);
  });
});

describe('a similar payment', () => {
  it('of the same payer, store and amount within three minutes is declined, and accepted when the till says so', async () => {
    const payer = await givenPayer(stack, { balance: 10_000 });
    expect((await pay(merchant, { code: await payer.code() })).body.status).toBe('COMPLETED');
    expect((await pay(merchant, { code: await payer.code() })).body.declineCode).toBe('SIMILAR_PAYMENT');
    expect((await pay(merchant, { code: await payer.code(), acceptSimilar: true })).body.status).toBe(
      'COMPLETED',
    );
  });

  it('is not one with another amount, another store, another payer, or after three minutes', async () => {
    const payer = await givenPayer(stack, { balance: 10_000 });
    const other = await givenPayer(stack, { balance: 10_000 });
    const first = await pay(merchant, { code: await payer.code() });
    expect((await pay(merchant, { code: await payer.code(), amount: 501 })).body.status).toBe('COMPLETED');
    expect((await pay(merchant, { code: await payer.code(), storeId: 's2' })).body.status).toBe('COMPLETED');
    expect((await pay(merchant, { code: await other.code() })).body.status).toBe('COMPLETED');
    await stack.pool.query(
      `update payment set requested_at = requested_at - interval '181 seconds' where payment_id = $1`,
      [first.body.paymentId],
    );
    expect((await pay(merchant, { code: await payer.code() })).body.status).toBe('COMPLETED');
  });

  it('is not one when the first was canceled', async () => {
    const payer = await givenPayer(stack, { balance: 10_000 });
    const first = await pay(merchant, { code: await payer.code() });
    await merchant.call('POST', `/v1/payments/${first.body.merchantPaymentId}/cancel`, {});
    expect((await pay(merchant, { code: await payer.code() })).body.status).toBe('COMPLETED');
  });
});

describe('the same merchantPaymentId', () => {
  it('with the same body gives the same answer, says so, and takes the money once', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const first = await pay(merchant, body);
    const again = await pay(merchant, body);
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(again.body).toEqual(first.body);
    expect(await payer.balance()).toBe(500);
  });

  it('with another body is refused, in whatever field', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    await pay(merchant, body);
    const others = [
      { amount: 501 },
      { code: await payer.code() },
      { storeId: 's2' },
      { terminalId: 't2' },
      { acceptSimilar: true },
      { receiptNumber: 'x' },
      { items: [{ lineNo: 1, name: 'x', quantity: 1, unitAmount: 500, amount: 500 }] },
    ];
    for (const other of others) {
      const answer = await pay(merchant, { ...body, ...other });
      expect(answer).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
    }
    expect(await payer.balance()).toBe(500);
  });

  it('from twenty clients at once is one payment with twenty equal answers', async () => {
    const payer = await givenPayer(stack, { balance: 10_000 });
    const body = paymentBody({ code: await payer.code() });
    const answers = await Promise.all(Array.from({ length: 20 }, () => pay(merchant, body)));
    expect(answers.map((it) => it.status)).toEqual(Array<number>(20).fill(200));
    expect(new Set(answers.map((it) => JSON.stringify(it.body))).size).toBe(1);
    expect(answers.filter((it) => it.headers.get('idempotency-hit') === null)).toHaveLength(1);
    expect(await payer.balance()).toBe(9_500);
  });

  it('of two merchants are two payments', async () => {
    const other = await givenMerchant(stack);
    const payer = await givenPayer(stack, { balance: 10_000 });
    const merchantPaymentId = uniqueId('p');
    expect((await pay(merchant, { merchantPaymentId, code: await payer.code() })).body.status).toBe(
      'COMPLETED',
    );
    expect((await pay(other, { merchantPaymentId, code: await payer.code() })).body.status).toBe('COMPLETED');
  });
});

describe('fifty tills at once', () => {
  it('on one merchant and one payer whose balance covers twenty: exactly twenty completed', async () => {
    const payer = await givenPayer(stack, { balance: 20 * 500 });
    const shop = accountId.merchant(merchant.merchantId, 'JPY');
    const before = await entrySum(stack.pool, shop);
    const codes = await Promise.all(Array.from({ length: 50 }, () => payer.code()));
    const answers = await Promise.all(codes.map((code) => pay(merchant, { code, acceptSimilar: true })));
    const outcomes = answers.map((it) => it.body.declineCode ?? it.body.status);
    expect(outcomes.filter((it) => it === 'COMPLETED')).toHaveLength(20);
    expect(outcomes.filter((it) => it === 'INSUFFICIENT_FUNDS')).toHaveLength(30);
    expect(await payer.balance()).toBe(0);
    expect(await entrySum(stack.pool, shop)).toBe(before + 20 * 500);
    expect((await verifyLedger(stack.pool)).breaks).toEqual([]);
  });

  it('with one code between them: one payment, and forty-nine times CODE_ALREADY_USED', async () => {
    const payer = await givenPayer(stack, { balance: 50_000 });
    const code = await payer.code();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => pay(merchant, { code, acceptSimilar: true })),
    );
    const outcomes = answers.map((it) => it.body.declineCode ?? it.body.status);
    expect(outcomes.filter((it) => it === 'COMPLETED')).toHaveLength(1);
    expect(outcomes.filter((it) => it === 'CODE_ALREADY_USED')).toHaveLength(49);
    expect(await payer.balance()).toBe(49_500);
  });
});

describe('what belongs to others', () => {
  it('is not found: payments, stores and tills of another merchant', async () => {
    const other = await givenMerchant(stack);
    const payer = await givenPayer(stack, { balance: 1_000 });
    const made = await pay(merchant, { code: await payer.code() });
    expect(await other.call('GET', `/v1/payments/${made.body.merchantPaymentId}`)).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
    const foreignStore = await pay(other, { code: await payer.code(), storeId: 'not-theirs' });
    expect(foreignStore).toMatchObject({ status: 404, body: { errors: [{ pointer: '/storeId' }] } });
    const foreignTill = await pay(other, { code: await payer.code(), terminalId: 'not-theirs' });
    expect(foreignTill).toMatchObject({ status: 404, body: { errors: [{ pointer: '/terminalId' }] } });
  });

  it('is not touched: a cancel by another merchant leaves a tombstone of its own only', async () => {
    const other = await givenMerchant(stack);
    const payer = await givenPayer(stack, { balance: 1_000 });
    const made = await pay(merchant, { code: await payer.code() });
    await other.call('POST', `/v1/payments/${made.body.merchantPaymentId}/cancel`, {});
    const mine = await merchant.call('GET', `/v1/payments/${made.body.merchantPaymentId}`);
    expect(mine.body).toMatchObject({ status: 'COMPLETED' });
  });
});

describe('keys', () => {
  it('are kept as hashes only', async () => {
    const stored = await stack.pool.query<{ row: string }>('select api_key::text as row from api_key');
    expect(stored.rows.some((it) => it.row.includes(merchant.key))).toBe(false);
    expect(assertDefined(await findPrincipal(stack.pool, merchant.key)).tenantId).toBe(merchant.merchantId);
  });

  it('stop working the moment they are revoked', async () => {
    const doomed = await givenMerchant(stack);
    const { keyId } = assertDefined(await findPrincipal(stack.pool, doomed.key));
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    expect((await doomed.call('GET', '/v1/payments/x')).status).toBe(404);
    expect((await admin('DELETE', `/v1/keys/${keyId}`)).status).toBe(204);
    expect(await doomed.call('GET', '/v1/payments/x')).toMatchObject({
      status: 401,
      body: { code: 'UNAUTHENTICATED' },
    });
    expect((await admin('DELETE', `/v1/keys/${keyId}`)).status).toBe(204);
  });
});
