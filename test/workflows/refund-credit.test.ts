import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { daysWithOrphans } from '../../db/reconciliation-days.ts';
import { assertDefined } from '../../domain/assert.ts';
import { refundOperationKey, paymentOperationKeys } from '../../domain/credit/credit.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import type { RefundView } from '../../domain/refund/refund.ts';
import { paymentCancelWorkflowId } from '../../workflows/payment-cancel/contract.ts';
import { paymentWorkflowId, resolveDispute } from '../../workflows/payment/contract.ts';
import { refundWorkflowId } from '../../workflows/refund/contract.ts';
import { connectCredit, type CreditSide } from '../support/credit.ts';
import { createFaultyPool } from '../support/faults.ts';
import { always } from '../support/issuer.ts';
import { givenMerchant, pay, type GivenMerchant } from '../support/givens.ts';
import { givenOfflinePhone, lastStep } from '../support/offline.ts';
import { compareDay, openBreaks } from '../support/reconcile.ts';
import { refundBody, refundOf } from '../support/refunds.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type RunningWorker, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';

let stack: Stack;
let credit: CreditSide;
let merchant: GivenMerchant;
let worker: RunningWorker | undefined;

/** Far below an answer's 2.5 s, so that what hangs is known to hang. */
const ISSUER_TIMEOUT_MS = 1_000;

beforeAll(async () => {
  stack = await startStack({ workers: 0, tillDeadlineMs: 2_500 });
  credit = await connectCredit(stack);
  merchant = await givenMerchant(stack);
  worker = await stack.startWorker({ issuerTimeoutMs: ISSUER_TIMEOUT_MS });
});
afterEach(() => credit.issuer.setFaults());
afterAll(async () => {
  await credit.expectBooksAgree();
  await credit.issuer.close();
  await stopWithSoundLedger(stack);
});

/** Paid on credit, with the issuer's capture behind it. */
async function paid(shop: GivenMerchant = merchant) {
  const it = await credit.paid(shop);
  const workflowId = paymentWorkflowId(it.payment.merchantId, it.payment.merchantPaymentId);
  await stack.temporal.workflow.getHandle(workflowId).result();
  return it;
}

function handleOf(it: Pick<RefundView, 'merchantId' | 'merchantRefundId'>) {
  return stack.temporal.workflow.getHandle(refundWorkflowId(it.merchantId, it.merchantRefundId));
}

async function paymentNow(it: PaymentView): Promise<PaymentView> {
  return (await merchant.call<PaymentView>('GET', `/v1/payments/${it.merchantPaymentId}`)).body;
}

async function refundNow(it: RefundView): Promise<RefundView> {
  const path = `/v1/payments/${it.merchantPaymentId}/refunds/${it.merchantRefundId}`;
  return (await merchant.call<RefundView>('GET', path)).body;
}

describe('a refund of a payment on credit', () => {
  it('goes back to the issuer, in fifteen events, and the payer is told', async () => {
    const { payer, payment, accountRef } = await paid();
    const made = await refundOf(merchant, payment, { amount: 200 });
    expect(made).toMatchObject({ status: 200, body: { status: 'COMPLETED', amount: 200 } });
    expect((await credit.issuer.accountOf(accountRef)).captured).toBe(300);
    expect(await payer.balance()).toBe(0);
    expect(await paymentNow(payment)).toMatchObject({ status: 'COMPLETED', refundedAmount: 200 });
    await credit.expectBooksAgree();
    await handleOf(made.body).result();
    const { events } = await handleOf(made.body).fetchHistory();
    expect(events).toHaveLength(15);
    const told = await stack.pool.query(
      `select kind, payload from user_event where user_id = $1 order by seq desc limit 1`,
      [payer.userId],
    );
    expect(told.rows[0]).toEqual({ kind: 'refund.completed', payload: made.body });
  });

  it('asked by twenty clients at once is one at the issuer', async () => {
    const { payment, accountRef } = await paid();
    const body = refundBody({ amount: 500 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => refundOf(merchant, payment, body)));
    expect(new Set(answers.map((it) => JSON.stringify([it.status, it.body]))).size).toBe(1);
    expect((await credit.issuer.accountOf(accountRef)).captured).toBe(0);
    expect(await paymentNow(payment)).toMatchObject({ status: 'REFUNDED', refundedAmount: 500 });
  });

  it('that the issuer has not captured yet is captured first, by the same key', async () => {
    await credit.issuer.setFaults(always('CAPTURE', 'ERROR_500'), always('LOOK_UP', 'ERROR_500'));
    const { payment, accountRef } = await credit.paid(merchant);
    const first = await refundOf(merchant, payment);
    expect(first).toMatchObject({ status: 202, body: { status: 'IN_PROGRESS' } });
    await credit.issuer.setFaults();
    await handleOf(first.body).result();
    expect((await refundNow(first.body)).status).toBe('COMPLETED');
    await stack.temporal.workflow
      .getHandle(paymentWorkflowId(merchant.merchantId, payment.merchantPaymentId))
      .result();
    expect(await credit.issuer.accountOf(accountRef)).toMatchObject({ captured: 400, reserved: 0 });
    expect(
      await credit.issuer.stored(
        paymentOperationKeys(merchant.merchantId, payment.merchantPaymentId).capture,
      ),
    ).toMatchObject({ status: 'DONE' });
    await credit.expectBooksAgree();
  });

  it('that is not decided yet is refused and not kept: the same request works later', async () => {
    const { payer } = await credit.paid(merchant);
    await credit.issuer.setFaults(
      always('AUTHORISE', 'TIME_OUT_AFTER_COMMIT'),
      always('LOOK_UP', 'ERROR_500'),
    );
    const code = await payer.call<{ code: string }>('POST', '/v1/codes', { fundingSource: 'PAY_LATER' });
    // Another amount than the payment before: that would be a similar one.
    const asked = await pay(merchant, { code: code.body.code, amount: 650 });
    expect(await paymentNow(asked.body)).toMatchObject({ status: 'IN_PROGRESS' });
    const body = refundBody();
    for (let time = 1; time <= 2; time++) {
      const refused = await refundOf(merchant, asked.body, body);
      expect(refused).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
      expect(refused.headers.has('idempotency-hit')).toBe(false);
    }
    await credit.issuer.setFaults();
    await until('the payment', async () => (await paymentNow(asked.body)).status === 'COMPLETED', 30_000);
    expect(await refundOf(merchant, asked.body, body)).toMatchObject({ status: 200 });
  });

  it('that the issuer refuses is FAILED for good, told, and what it reserved is free again', async () => {
    const receiver = await startWebhookReceiver();
    const shop = await givenMerchant(stack, { webhookUrl: receiver.url });
    const { payment, accountRef } = await paid(shop);
    await credit.issuer.setFaults({ operation: 'REFUND', fault: 'DECLINE', times: 1 });
    const body = refundBody({ amount: 500 });
    const refused = await refundOf(shop, payment, body);
    expect(refused).toMatchObject({ status: 422, body: { code: 'REFUND_REFUSED_BY_ISSUER' } });
    const again = await refundOf(shop, payment, body);
    expect({ ...again.body, requestId: '' }).toEqual({ ...refused.body, requestId: '' });
    expect((await credit.issuer.accountOf(accountRef)).captured).toBe(500);
    const failed = await until('the webhook', () =>
      receiver.received.find((it) => it.headers['kessai-event-type'] === 'refund.failed'),
    );
    expect(JSON.parse(failed.body)).toMatchObject({ status: 'FAILED', failCode: 'REFUND_REFUSED_BY_ISSUER' });
    expect((await refundOf(shop, payment, { amount: 500 })).status).toBe(200);
    receiver.close();
  });

  it('is reserved while its outcome is unknown: it counts, it bars a cancel, and nothing has moved', async () => {
    const { payment, accountRef } = await paid();
    await credit.issuer.setFaults(always('REFUND', 'TIME_OUT_AFTER_COMMIT'), always('LOOK_UP', 'ERROR_500'));
    const body = refundBody({ amount: 300 });
    const [first, other] = [
      await refundOf(merchant, payment, body),
      await refundOf(merchant, payment, { amount: 201 }),
    ];
    expect(first).toMatchObject({ status: 202, body: { status: 'IN_PROGRESS', amount: 300 } });
    expect(first.body.decidedAt).toBeUndefined();
    expect(first.headers.get('location')).toBe(
      `/v1/payments/${payment.merchantPaymentId}/refunds/${body.merchantRefundId}`,
    );
    expect(await refundNow(first.body)).toEqual(first.body);
    expect(other.body.code).toBe('REFUND_EXCEEDS_REMAINING');
    expect(await paymentNow(payment)).toMatchObject({ status: 'COMPLETED', refundedAmount: 0 });
    const cancel = await merchant.call('POST', `/v1/payments/${payment.merchantPaymentId}/cancel`, {});
    expect(cancel).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    expect((await refundOf(merchant, payment, { ...body, amount: 1 })).body.code).toBe(
      'IDEMPOTENCY_MISMATCH',
    );

    await credit.issuer.setFaults();
    await handleOf(first.body).result();
    expect(await refundOf(merchant, payment, body)).toMatchObject({
      status: 200,
      body: { status: 'COMPLETED' },
    });
    expect((await credit.issuer.accountOf(accountRef)).captured).toBe(200);
    await credit.expectBooksAgree();
  });

  it('bars a cancel for as long as it may succeed: once it has failed, the same cancel works', async () => {
    const { payment, accountRef } = await paid();
    // It waits at the issuer, and is refused there in the end.
    await credit.issuer.setFaults(always('REFUND', 'ERROR_500'), always('LOOK_UP', 'ERROR_500'));
    const refund = await refundOf(merchant, payment, { amount: 300 });
    expect(refund.body.status).toBe('IN_PROGRESS');
    const cancel = () => merchant.call('POST', `/v1/payments/${payment.merchantPaymentId}/cancel`, {});
    for (let time = 1; time <= 2; time++) {
      expect(await cancel()).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    }
    await credit.issuer.setFaults({ operation: 'REFUND', fault: 'DECLINE', times: 1 });
    expect(await handleOf(refund.body).result()).toMatchObject({ status: 'FAILED' });
    expect(await cancel()).toMatchObject({ status: 200, body: { status: 'CANCELED' } });
    await until('the void', async () => (await credit.issuer.accountOf(accountRef)).captured === 0);
    expect(await cancel()).toMatchObject({ status: 200, body: { status: 'CANCELED' } });
    await credit.expectBooksAgree();
  });

  it('that fails after a dispute relied on it leaves a break that says what the payer still has to get', async () => {
    const { payer } = await credit.paid(merchant);
    expect((await payer.call('PUT', '/v1/offline-preference', { fundingSource: 'PAY_LATER' })).status).toBe(
      200,
    );
    const phone = await givenOfflinePhone(payer);
    const step = await lastStep();
    const asked = await pay(merchant, { code: await phone.code(step), amount: 700 });
    const disputed = stack.temporal.workflow.getHandle(
      paymentWorkflowId(merchant.merchantId, asked.body.merchantPaymentId),
    );
    await until('the payment', async () => (await paymentNow(asked.body)).status === 'COMPLETED');
    await phone.journal({ steps: [], fromStep: step, toStep: step });
    expect((await paymentNow(asked.body)).reconciliation).toBe('DISPUTED');

    await credit.issuer.setFaults(always('REFUND', 'TIME_OUT_BEFORE'), always('LOOK_UP', 'ERROR_500'));
    const refund = await refundOf(merchant, asked.body, { amount: 700 });
    expect(refund).toMatchObject({ status: 202, body: { status: 'IN_PROGRESS' } });
    await disputed.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'not at the shop' });
    // What is on its way counts as given back.
    expect(await disputed.result()).toMatchObject({ reconciliation: 'RESOLVED', refundedAmount: 0 });
    await credit.issuer.setFaults(always('REFUND', 'DECLINE'));
    await handleOf(refund.body).result();

    expect((await refundNow(refund.body)).status).toBe('FAILED');
    const found = await stack.pool.query(
      `select class, counterpart, ours_amount as amount, detail from reconciliation_break where payment_id = $1 and resolved_at is null`,
      [asked.body.paymentId],
    );
    expect(found.rows).toEqual([
      {
        class: 'unknown_outcome',
        counterpart: 'ISSUER',
        amount: 700,
        detail: expect.stringContaining('700 JPY are still to be given back') as string,
      },
    ]);
  });

  it('goes on where it was after its worker went away between the issuer’s answer and the books', async () => {
    const { payment, accountRef } = await paid();
    await worker?.stop();
    const faults = createFaultyPool(stack.pool);
    faults.break('refund_finish');
    const dying = await stack.startWorker({ pool: faults.pool, issuerTimeoutMs: ISSUER_TIMEOUT_MS });
    const first = await refundOf(merchant, payment);
    expect(first.status).toBe(202);
    await until('the issuer', async () => (await credit.issuer.accountOf(accountRef)).captured === 400);
    await dying.stop();
    worker = await stack.startWorker({ issuerTimeoutMs: ISSUER_TIMEOUT_MS });
    await handleOf(first.body).result();
    expect((await refundNow(first.body)).status).toBe('COMPLETED');
    expect((await credit.issuer.accountOf(accountRef)).captured).toBe(400);
    await credit.expectBooksAgree();
  });

  it('whose end was committed without an answer has one effect', async () => {
    const { payment, accountRef } = await paid();
    await worker?.stop();
    const faults = createFaultyPool(stack.pool);
    faults.loseAnswers('refund_begin', 1);
    faults.loseAnswers('refund_finish', 2);
    worker = await stack.startWorker({ pool: faults.pool, issuerTimeoutMs: ISSUER_TIMEOUT_MS });
    const made = await refundOf(merchant, payment);
    await handleOf(made.body).result();
    expect(faults.asked('refund_finish')).toBe(3);
    expect(await paymentNow(payment)).toMatchObject({ refundedAmount: 100 });
    expect((await credit.issuer.accountOf(accountRef)).captured).toBe(400);
  });

  it('that an operator terminated while it was unknown is found at night, and goes on when it is asked again', async () => {
    const { payment, accountRef } = await paid();
    await credit.issuer.setFaults(always('REFUND', 'TIME_OUT_AFTER_COMMIT'), always('LOOK_UP', 'ERROR_500'));
    const body = refundBody();
    const first = await refundOf(merchant, payment, body);
    expect(first.status).toBe(202);
    await handleOf(first.body).terminate('test');
    expect((await refundNow(first.body)).status).toBe('IN_PROGRESS');
    const moved = await stack.pool.query<{ day: string }>(
      `update refund f set requested_at = requested_at - interval '60 days' from merchant m
        where f.refund_id = $1 and m.merchant_id = f.merchant_id
        returning (f.requested_at at time zone m.time_zone)::date::text as day`,
      [first.body.refundId],
    );
    const { day } = assertDefined(moved.rows[0]);
    const { merchantId } = merchant;
    const orphans = await daysWithOrphans(stack.pool, { merchantId, at: new Date().toISOString() });
    expect(orphans.get(merchantId)).toEqual([day]);
    await compareDay(stack.pool, merchantId, day);
    expect(await openBreaks(stack.pool, merchantId)).toContain(
      `ISSUER missing_theirs REFUND ${body.merchantRefundId}`,
    );
    await credit.issuer.setFaults();
    const again = await refundOf(merchant, payment, body);
    expect(again).toMatchObject({
      status: 200,
      body: { refundId: first.body.refundId, status: 'COMPLETED' },
    });
    expect((await credit.issuer.accountOf(accountRef)).captured).toBe(400);
    const stored = await credit.issuer.stored(refundOperationKey(merchant.merchantId, body.merchantRefundId));
    expect(stored).toMatchObject({ status: 'DONE' });
    expect(await compareDay(stack.pool, merchantId, day)).toEqual({ opened: 0, resolved: 1 });
  });
});

describe('a cancel of a payment on credit', () => {
  it('goes on though an operator cancels its workflow while the ledger is away: told, and voided at the issuer', async () => {
    const receiver = await startWebhookReceiver();
    const shop = await givenMerchant(stack, { webhookUrl: receiver.url });
    const { payment, accountRef } = await paid(shop);
    await worker?.stop();
    const faults = createFaultyPool(stack.pool);
    faults.break('payment_cancel');
    worker = await stack.startWorker({ pool: faults.pool, issuerTimeoutMs: ISSUER_TIMEOUT_MS });
    const { merchantPaymentId } = payment;
    const asked = shop.call('POST', `/v1/payments/${merchantPaymentId}/cancel`, {});
    await until('the ledger to be asked again', () => faults.asked('payment_cancel') > 1);
    const handle = stack.temporal.workflow.getHandle(
      paymentCancelWorkflowId(shop.merchantId, merchantPaymentId),
    );
    await handle.cancel();
    faults.heal();
    expect(await handle.result()).toMatchObject({ kind: 'done', view: { status: 'CANCELED' } });
    await asked;
    expect((await credit.issuer.accountOf(accountRef)).used).toBe(0);
    await until('the webhook', () => receiver.received.length === 2);
    receiver.close();
  });
});
