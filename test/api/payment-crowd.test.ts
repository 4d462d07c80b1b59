import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { accountId, entrySum } from '../../db/ledger.ts';
import {
  givenMerchant,
  givenPayer,
  pay,
  paymentBody,
  uniqueId,
  type GivenMerchant,
} from '../support/givens.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';

let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack();
  merchant = await givenMerchant(stack);
});
afterAll(() => stopWithSoundLedger(stack));

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
