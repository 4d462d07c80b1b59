import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PAYMENT_POLICY, type PaymentView } from '../../domain/payment/payment.ts';
import type { Answer } from '../support/client.ts';
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

function cancel(id: string, body: unknown = {}): Promise<Answer<PaymentView & { code?: string }>> {
  return merchant.call('POST', `/v1/payments/${id}/cancel`, body);
}

describe('a cancel', () => {
  it('of a completed payment gives all of it back, and asking again gives the same answer', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const made = await pay(merchant, { code: await payer.code(), amount: 400 });
    const first = await cancel(made.body.merchantPaymentId, { reason: 'wrong article' });
    expect(first).toMatchObject({
      status: 200,
      body: { status: 'CANCELED', amount: 400, paymentId: made.body.paymentId },
    });
    expect(first.body.canceledAt).toBeDefined();
    expect(await payer.balance()).toBe(1_000);
    expect(await cancel(made.body.merchantPaymentId)).toMatchObject({ status: 200, body: first.body });
    expect(await payer.balance()).toBe(1_000);
  });

  it('of a declined payment leaves it declined', async () => {
    const payer = await givenPayer(stack);
    const made = await pay(merchant, { code: await payer.code() });
    expect(await cancel(made.body.merchantPaymentId)).toMatchObject({
      status: 200,
      body: { status: 'DECLINED', declineCode: 'INSUFFICIENT_FUNDS' },
    });
  });

  it('before the payment arrives leaves a tombstone that declines it', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const tombstone = await cancel(body.merchantPaymentId);
    expect(tombstone).toMatchObject({ status: 200, body: { status: 'CANCELED', amount: 0 } });
    expect(await merchant.call('GET', `/v1/payments/${body.merchantPaymentId}`)).toMatchObject({
      status: 200,
      body: { status: 'CANCELED' },
    });
    const late = await pay(merchant, body);
    expect(late).toMatchObject({
      status: 200,
      body: { status: 'DECLINED', declineCode: 'CANCELED', amount: 500 },
    });
    expect((await pay(merchant, body)).headers.get('idempotency-hit')).toBe('true');
    expect((await pay(merchant, { code: body.code })).body.declineCode).toBe('CODE_ALREADY_USED');
    expect(await payer.balance()).toBe(1_000);
  });

  it('asked twenty times at once happens once', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const made = await pay(merchant, { code: await payer.code() });
    const answers = await Promise.all(Array.from({ length: 20 }, () => cancel(made.body.merchantPaymentId)));
    expect(new Set(answers.map((it) => JSON.stringify(it.body))).size).toBe(1);
    expect(await payer.balance()).toBe(1_000);
  });

  it('racing its payment ends with the money where it was, whoever wins', async () => {
    const payer = await givenPayer(stack, { balance: 10_000 });
    for (let round = 0; round < 10; round++) {
      const body = paymentBody({ code: await payer.code(), acceptSimilar: true });
      const [paid, canceled] = await Promise.all([pay(merchant, body), cancel(body.merchantPaymentId)]);
      expect(paid.status).toBe(200);
      expect(canceled.status).toBe(200);
      const end = await merchant.call<PaymentView>('GET', `/v1/payments/${body.merchantPaymentId}`);
      expect(['CANCELED', 'DECLINED']).toContain(end.body.status);
    }
    expect(await payer.balance()).toBe(10_000);
  });

  it('after the deadline is refused with the way out', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const made = await pay(merchant, { code: await payer.code() });
    await stack.pool.query(
      `update payment set cancel_until = now() - interval '1 second' where payment_id = $1`,
      [made.body.paymentId],
    );
    const refused = await cancel(made.body.merchantPaymentId);
    expect(refused).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    expect(JSON.stringify(refused.body)).toContain('use a refund');
    expect(await payer.balance()).toBe(500);
  });
});

describe('the deadline of a cancel', () => {
  const cases: [string, string, string, string][] = [
    ['Tokyo', 'Asia/Tokyo', '2026-11-22T14:59:59Z', '2026-11-22T15:15:00Z'],
    ['Tokyo, just after midnight', 'Asia/Tokyo', '2026-11-22T15:00:00Z', '2026-11-23T15:15:00Z'],
    [
      'New York on the day the clocks go back',
      'America/New_York',
      '2026-11-01T03:30:00Z',
      '2026-11-01T04:15:00Z',
    ],
    ['New York on the evening after', 'America/New_York', '2026-11-01T22:00:00Z', '2026-11-02T05:15:00Z'],
    ['Kolkata, half an hour off', 'Asia/Kolkata', '2026-11-22T18:00:00Z', '2026-11-22T18:45:00Z'],
  ];

  it.each(cases)('is 00:15 of the next day in %s', async (_, timeZone, paidAt, until) => {
    const row = await stack.pool.query<{ until: Date }>(
      'select payment_cancel_deadline($1::timestamptz, $2, $3) as until',
      [paidAt, timeZone, PAYMENT_POLICY.cancelUntilMinutesOfNextDay],
    );
    expect(row.rows[0]?.until.toISOString()).toBe(new Date(until).toISOString());
  });
});

describe('an id', () => {
  it('that is no id is refused before anything happens', async () => {
    for (const id of ['a b', 'x'.repeat(65), '%00']) {
      const answer = await cancel(encodeURIComponent(id));
      expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    }
    expect((await cancel(uniqueId('p'), { reason: 'x'.repeat(201) })).status).toBe(400);
    expect((await cancel(uniqueId('p'), { why: 'x' })).status).toBe(400);
  });
});
