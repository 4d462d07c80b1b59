import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_CODE_PREFIX, formatCode } from '../../domain/code/format.ts';
import { apiClient } from '../support/client.ts';
import { givenMerchant, givenPayer, pay, type GivenMerchant } from '../support/givens.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';

let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack();
  merchant = await givenMerchant(stack);
});
afterAll(() => stopWithSoundLedger(stack));

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
