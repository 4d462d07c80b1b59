import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountId, entrySum, postTransfer } from '../../db/ledger.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import type { RefundView } from '../../domain/refund/refund.ts';
import { apiClient } from '../support/client.ts';
import { openEventStream } from '../support/event-stream.ts';
import {
  givenMerchant,
  givenPayer,
  pay,
  paymentBody,
  uniqueId,
  type GivenMerchant,
} from '../support/givens.ts';
import { answerChecker, readOpenApi } from '../support/open-api.ts';
import { refundBody, refundOf } from '../support/refunds.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack();
  merchant = await givenMerchant(stack);
});
afterAll(() => stopWithSoundLedger(stack));

/** A payer with a balance of 1,000 who has paid. */
async function paid(amount = 500) {
  const payer = await givenPayer(stack, { balance: 1_000 });
  const answer = await pay(merchant, { code: await payer.code(), amount });
  return { payer, payment: answer.body };
}

async function paymentNow(it: PaymentView): Promise<PaymentView> {
  return (await merchant.call<PaymentView>('GET', `/v1/payments/${it.merchantPaymentId}`)).body;
}

describe('a refund', () => {
  it('of a part gives it back, is found, and is told to the payer under a number of its own', async () => {
    const { payer, payment } = await paid();
    const stream = await openEventStream(stack.baseUrl, payer.deviceToken, '0');
    const body = refundBody({ amount: 200, reason: 'one came back' });
    const made = await refundOf(merchant, payment, body);
    expect(made).toMatchObject({
      status: 200,
      body: { ...body, status: 'COMPLETED', currency: 'JPY', paymentId: payment.paymentId },
    });
    expect(made.headers.get('idempotency-hit')).toBeNull();
    expect(await payer.balance()).toBe(700);
    expect(await paymentNow(payment)).toMatchObject({ status: 'COMPLETED', refundedAmount: 200 });
    const history = await payer.call<{ items: PaymentView[] }>('GET', '/v1/me/payments');
    expect(history.body.items[0]).toMatchObject({ paymentId: payment.paymentId, refundedAmount: 200 });

    const path = `/v1/payments/${payment.merchantPaymentId}/refunds`;
    expect((await merchant.call('GET', `${path}/${body.merchantRefundId}`)).body).toEqual(made.body);
    expect((await merchant.call('GET', path)).body).toEqual({ items: [made.body], nextCursor: null });

    await until('both events', () => stream.events.length === 2);
    stream.close();
    expect(stream.events.map((event) => [event.id, event.event])).toEqual([
      ['1', 'payment.completed'],
      ['2', 'refund.completed'],
    ]);
    expect(stream.events[1]?.data).toEqual(made.body);
  });

  it('of all that is left makes the payment REFUNDED, whose repeat still hears the first decision', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const first = await pay(merchant, body);
    expect((await refundOf(merchant, first.body, { amount: 200 })).status).toBe(200);
    expect((await refundOf(merchant, first.body, { amount: 300 })).status).toBe(200);
    expect(await paymentNow(first.body)).toMatchObject({ status: 'REFUNDED', refundedAmount: 500 });
    expect((await pay(merchant, body)).body).toEqual(first.body);
    expect((await refundOf(merchant, first.body, { amount: 1 })).body.code).toBe('REFUND_EXCEEDS_REMAINING');
    expect(await payer.balance()).toBe(1_000);
  });

  it('asked by twenty clients at once is one, with twenty equal answers', async () => {
    const { payer, payment } = await paid();
    const body = refundBody();
    const answers = await Promise.all(Array.from({ length: 20 }, () => refundOf(merchant, payment, body)));
    expect(new Set(answers.map((it) => JSON.stringify([it.status, it.body]))).size).toBe(1);
    expect(answers.filter((it) => it.headers.get('idempotency-hit') === null)).toHaveLength(1);
    expect(answers[0]).toMatchObject({ status: 200, body: { status: 'COMPLETED' } });
    expect(await payer.balance()).toBe(600);
  });

  it('asked again with another body, or for another payment, is refused, at once and later', async () => {
    const { payment } = await paid();
    const { payment: other } = await paid();
    const body = refundBody();
    const both = await Promise.all([payment, other].map((it) => refundOf(merchant, it, body)));
    expect(both.map((it) => it.status).sort()).toEqual([200, 422]);
    const mismatch = { status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } };
    expect(both.find((it) => it.status === 422)).toMatchObject(mismatch);
    const mine = both[0]?.status === 200 ? payment : other;
    expect(await refundOf(merchant, mine, { ...body, amount: 99 })).toMatchObject(mismatch);
    expect(await refundOf(merchant, mine, { ...body, reason: 'other' })).toMatchObject(mismatch);
    expect((await refundOf(merchant, mine, body)).status).toBe(200);
  });

  it('answers the same for good, whatever has become of the payment since', async () => {
    const { payment } = await paid();
    const given = refundBody({ amount: 200 });
    const refused = refundBody({ amount: 301 });
    const first = await refundOf(merchant, payment, given);
    const no = await refundOf(merchant, payment, refused);
    expect(no).toMatchObject({ status: 422, body: { code: 'REFUND_EXCEEDS_REMAINING' } });
    await refundOf(merchant, payment, { amount: 300 });
    const again = await refundOf(merchant, payment, given);
    expect(again).toMatchObject({ status: 200, body: first.body });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    const noAgain = await refundOf(merchant, payment, refused);
    expect({ ...noAgain.body, requestId: '' }).toEqual({ ...no.body, requestId: '' });
    expect(noAgain.headers.get('idempotency-hit')).toBe('true');
    const path = `/v1/payments/${payment.merchantPaymentId}/refunds/${refused.merchantRefundId}`;
    expect(await merchant.call('GET', path)).toMatchObject({
      status: 200,
      body: { status: 'FAILED', failCode: 'REFUND_EXCEEDS_REMAINING', amount: 301 },
    });
  });

  it('that was refused stays refused after the payment was canceled', async () => {
    const { payer, payment } = await paid();
    const refused = refundBody({ amount: 501 });
    expect((await refundOf(merchant, payment, refused)).status).toBe(422);
    const cancelPath = `/v1/payments/${payment.merchantPaymentId}/cancel`;
    expect((await merchant.call('POST', cancelPath, {})).body.status).toBe('CANCELED');
    expect((await refundOf(merchant, payment, refused)).body.code).toBe('REFUND_EXCEEDS_REMAINING');
    expect((await refundOf(merchant, payment)).body.code).toBe('CONFLICT_STATE');
    expect(await payer.balance()).toBe(1_000);
  });

  it('racing a cancel: exactly one of them wins', async () => {
    for (let round = 0; round < 10; round++) {
      const { payer, payment } = await paid();
      const cancelPath = `/v1/payments/${payment.merchantPaymentId}/cancel`;
      const calls = [() => refundOf(merchant, payment), () => merchant.call('POST', cancelPath, {})];
      const started = (round % 2 === 0 ? calls : [...calls].reverse()).map((call) => call());
      const [refunded, canceled] = await Promise.all(round % 2 === 0 ? started : started.reverse());
      expect([refunded?.status, canceled?.status].sort()).toEqual([200, 409]);
      const isRefund = refunded?.status === 200;
      expect(await paymentNow(payment)).toMatchObject({
        status: isRefund ? 'COMPLETED' : 'CANCELED',
        refundedAmount: isRefund ? 100 : 0,
      });
      expect(await payer.balance()).toBe(isRefund ? 600 : 1_000);
    }
  });

  it('before a cancel refuses it, after a cancel is refused', async () => {
    const one = await paid();
    await refundOf(merchant, one.payment);
    const late = await merchant.call('POST', `/v1/payments/${one.payment.merchantPaymentId}/cancel`, {});
    expect(late).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    const two = await paid();
    await merchant.call('POST', `/v1/payments/${two.payment.merchantPaymentId}/cancel`, {});
    expect(await refundOf(merchant, two.payment)).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT_STATE' },
    });
  });

  it('fifty times at once of a payment that covers twenty: exactly twenty', { timeout: 60_000 }, async () => {
    const { payer, payment } = await paid(1_000);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => refundOf(merchant, payment, { amount: 50 })),
    );
    expect(answers.filter((it) => it.status === 200)).toHaveLength(20);
    expect(answers.filter((it) => it.body.code === 'REFUND_EXCEEDS_REMAINING')).toHaveLength(30);
    expect(await paymentNow(payment)).toMatchObject({ status: 'REFUNDED', refundedAmount: 1_000 });
    expect(await payer.balance()).toBe(1_000);

    const path = `/v1/payments/${payment.merchantPaymentId}/refunds`;
    const listed: string[] = [];
    for (let after = ''; ;) {
      const page = await merchant.call<{ items: RefundView[]; nextCursor: string | null }>(
        'GET',
        `${path}?limit=7${after}`,
      );
      listed.push(...page.body.items.map((it) => it.refundId));
      if (page.body.nextCursor === null) break;
      after = `&after=${page.body.nextCursor}`;
    }
    expect(new Set(listed).size).toBe(50);
    expect(listed).toHaveLength(50);
  });

  it('of an unknown payment, or of another merchant’s, is 404 and keeps nothing', async () => {
    const { payment } = await paid();
    const stranger = await givenMerchant(stack);
    const body = refundBody();
    expect((await refundOf(merchant, { merchantPaymentId: uniqueId('p') }, body)).status).toBe(404);
    expect((await refundOf(stranger, payment, body)).status).toBe(404);
    const path = `/v1/payments/${payment.merchantPaymentId}/refunds`;
    expect((await stranger.call('GET', path)).status).toBe(404);
    expect((await merchant.call('GET', `${path}/${body.merchantRefundId}`)).status).toBe(404);
    expect((await refundOf(merchant, payment, body)).status).toBe(200);
    expect((await stranger.call('GET', `${path}/${body.merchantRefundId}`)).status).toBe(404);
    // The id is another merchant's own as well.
    const theirs = await pay(stranger, { code: await (await givenPayer(stack, { balance: 500 })).code() });
    expect((await refundOf(stranger, theirs.body, body)).status).toBe(200);
  });

  it('of a declined payment, or into a tombstone, is 409', async () => {
    const poor = await givenPayer(stack);
    const declined = await pay(merchant, { code: await poor.code() });
    const tombstone = { merchantPaymentId: uniqueId('p') };
    await merchant.call('POST', `/v1/payments/${tombstone.merchantPaymentId}/cancel`, {});
    for (const it of [declined.body, tombstone]) {
      const body = refundBody();
      const answer = await refundOf(merchant, it, body);
      expect(answer).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
      expect((await refundOf(merchant, it, body)).headers.get('idempotency-hit')).toBe('true');
    }
  });

  it('is possible to the end of the window, and no longer', async () => {
    const open = await paid();
    const closed = await paid();
    const age = 'update payment set decided_at = now() - $2::interval where payment_id = $1';
    await stack.pool.query(age, [open.payment.paymentId, '364 days 23 hours 59 minutes']);
    await stack.pool.query(age, [closed.payment.paymentId, '365 days 1 second']);
    expect((await refundOf(merchant, open.payment)).status).toBe(200);
    const late = refundBody();
    const refused = await refundOf(merchant, closed.payment, late);
    expect(refused).toMatchObject({ status: 422, body: { code: 'REFUND_WINDOW_CLOSED' } });
    expect(await closed.payer.balance()).toBe(500);
  });

  it('of a merchant without money is given all the same', async () => {
    const { payer, payment } = await paid();
    const account = accountId.merchant(merchant.merchantId, 'JPY');
    const all = await entrySum(stack.pool, account);
    const entries = [
      { accountId: account, amount: -all },
      { accountId: accountId.funding('JPY'), amount: all },
    ];
    const paidOut = { transferId: uniqueId('out'), kind: 'TOP_UP', currency: 'JPY', entries } as const;
    await postTransfer(stack.pool, { ...paidOut, postedAt: new Date() });
    expect((await refundOf(merchant, payment, { amount: 500 })).status).toBe(200);
    expect(await entrySum(stack.pool, account)).toBe(-500);
    expect(await payer.balance()).toBe(1_000);
  });
});

describe('a refund that makes no sense', () => {
  it('is refused with every fault before anything happens', async () => {
    const { payer, payment } = await paid();
    const bad: Record<string, unknown>[] = [
      { amount: 0 },
      { amount: -1 },
      { amount: 1.5 },
      { amount: '100' },
      { amount: 1_000_000_000_000 },
      { merchantRefundId: 'a b' },
      { merchantRefundId: undefined },
      { reason: '' },
      { reason: 'x'.repeat(201) },
      { currency: 'JPY' },
    ];
    for (const it of bad) {
      expect(await refundOf(merchant, payment, it)).toMatchObject({
        status: 400,
        body: { code: 'INVALID_REQUEST' },
      });
    }
    const path = `/v1/payments/${payment.merchantPaymentId}/refunds`;
    const nobody = await apiClient(stack.baseUrl)('POST', path, refundBody());
    expect(nobody.status).toBe(401);
    expect((await payer.call('POST', path, refundBody())).status).toBe(403);
    expect((await merchant.call('GET', `${path}?limit=0`)).status).toBe(400);
    expect((await merchant.call('GET', path)).body).toEqual({ items: [], nextCursor: null });
  });
});

describe('the description of refunds', () => {
  it('fits what is really answered', async () => {
    const faultsOf = answerChecker(await readOpenApi(stack.baseUrl));
    const { payment } = await paid();
    const path = `/v1/payments/${payment.merchantPaymentId}/refunds`;
    const post = 'POST /v1/payments/{merchantPaymentId}/refunds';
    const body = refundBody();
    const refused = refundBody({ amount: 5_000 });
    const tombstone = { merchantPaymentId: uniqueId('p') };
    await merchant.call('POST', `/v1/payments/${tombstone.merchantPaymentId}/cancel`, {});
    const conflict = refundBody();
    await refundOf(merchant, payment, refused);
    await refundOf(merchant, tombstone, conflict);
    const answers: [string, number, Parameters<typeof faultsOf>[1]][] = [
      [post, 200, await refundOf(merchant, payment, body)],
      [post, 200, await refundOf(merchant, payment, body)],
      [post, 400, await refundOf(merchant, payment, { amount: 0 })],
      [post, 404, await refundOf(merchant, { merchantPaymentId: 'none' })],
      [post, 409, await refundOf(merchant, tombstone, conflict)],
      [post, 422, await refundOf(merchant, payment, refused)],
      ['GET /v1/payments/{merchantPaymentId}/refunds', 200, await merchant.call('GET', path)],
      [
        'GET /v1/payments/{merchantPaymentId}/refunds/{merchantRefundId}',
        200,
        await merchant.call('GET', `${path}/${body.merchantRefundId}`),
      ],
    ];
    for (const [operation, status, answer] of answers) {
      expect({ operation, status: answer.status, faults: faultsOf(operation, answer) }).toEqual({
        operation,
        status,
        faults: [],
      });
    }
  });
});
