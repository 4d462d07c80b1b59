import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { paymentWorkflowId } from '../../workflows/payment/contract.ts';
import { createFaultyPool } from '../support/faults.ts';
import { givenMerchant, givenPayer, pay, paymentBody, type GivenMerchant } from '../support/givens.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type RunningWorker, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';

let stack: Stack;
let merchant: GivenMerchant;
let worker: RunningWorker | undefined;

beforeAll(async () => {
  stack = await startStack({ workers: 0, tillDeadlineMs: 2_500 });
  merchant = await givenMerchant(stack);
  worker = await stack.startWorker();
});
afterAll(() => stopWithSoundLedger(stack));

describe('when things go wrong, a payment', () => {
  async function withWorker(
    deps: Parameters<Stack['startWorker']>[0],
    test: () => Promise<void>,
  ): Promise<void> {
    await worker?.stop();
    worker = undefined;
    const faulty = await stack.startWorker(deps);
    try {
      await test();
    } finally {
      await faulty.stop();
      worker = await stack.startWorker();
    }
  }

  it('whose step throws after its commit is retried without a second effect', async () => {
    const faults = createFaultyPool(stack.pool);
    await withWorker({ pool: faults.pool }, async () => {
      const payer = await givenPayer(stack, { balance: 1_000 });
      faults.loseAnswers('payment_settle', 2);
      const answer = await pay(merchant, { code: await payer.code() });
      expect(answer).toMatchObject({ status: 200, body: { status: 'COMPLETED' } });
      expect(faults.asked('payment_settle')).toBe(3);
      expect(await payer.balance()).toBe(500);
    });
  });

  it('that finds no Postgres answers IN_PROGRESS, goes on asking, and is decided when Postgres is back', async () => {
    const faults = createFaultyPool(stack.pool);
    await withWorker({ pool: faults.pool }, async () => {
      const payer = await givenPayer(stack, { balance: 1_000 });
      const body = paymentBody({ code: await payer.code() });
      faults.break('payment_settle');
      const first = await pay(merchant, body);
      expect(first).toMatchObject({ status: 202, body: { status: 'IN_PROGRESS', amount: 500 } });
      const handle = stack.temporal.workflow.getHandle(
        paymentWorkflowId(merchant.merchantId, body.merchantPaymentId),
      );
      await until('a pending activity that operators can see', async () => {
        const { raw } = await handle.describe();
        return raw.pendingActivities?.some((it) => it.activityType?.name === 'settlePayment');
      });
      faults.heal();
      const decided = await until('the decision', async () => {
        const answer = await merchant.call<PaymentView>('GET', `/v1/payments/${body.merchantPaymentId}`);
        return answer.body.status === 'COMPLETED' ? answer.body : false;
      });
      expect(await payer.balance()).toBe(500);
      expect((await pay(merchant, body)).body).toEqual(decided);
    });
  });

  it('that finds no worker answers IN_PROGRESS, repeats it, refuses another body, and is decided when one comes', async () => {
    await worker?.stop();
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const path = `/v1/payments/${body.merchantPaymentId}`;
    const first = await pay(merchant, body);
    expect(first).toMatchObject({ status: 202, body: { status: 'IN_PROGRESS', amount: 500, storeId: 's1' } });
    expect(first.headers.get('location')).toBe(path);
    expect(Number(first.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await merchant.call('GET', path)).toMatchObject({ status: 200, body: { status: 'IN_PROGRESS' } });
    const [again, other] = await Promise.all([pay(merchant, body), pay(merchant, { ...body, amount: 400 })]);
    expect(again.status).toBe(202);
    expect(again.body).toEqual(first.body);
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
    worker = await stack.startWorker();
    await until('the decision', async () => {
      const answer = await merchant.call<PaymentView>('GET', path);
      return answer.body.status === 'COMPLETED';
    });
    expect((await pay(merchant, body)).headers.get('idempotency-hit')).toBe('true');
    expect(await payer.balance()).toBe(500);
  });

  it('that was canceled while nobody could decide it is never taken', async () => {
    await worker?.stop();
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const path = `/v1/payments/${body.merchantPaymentId}`;
    const [paid, canceled] = await Promise.all([
      pay(merchant, body),
      merchant.call('POST', `${path}/cancel`, {}),
    ]);
    expect(paid.status).toBe(202);
    expect(canceled).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    worker = await stack.startWorker();
    const end = await until('the end', async () => {
      const answer = await merchant.call<PaymentView>('POST', `${path}/cancel`, {});
      return answer.status === 200 && answer.body;
    });
    await stack.temporal.workflow
      .getHandle(paymentWorkflowId(merchant.merchantId, body.merchantPaymentId))
      .result();
    expect(['CANCELED', 'DECLINED']).toContain(end.status);
    expect(await payer.balance()).toBe(1_000);
  });

  it('whose tombstone came first is IN_PROGRESS until it is declined, never CANCELED and then DECLINED', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const path = `/v1/payments/${body.merchantPaymentId}`;
    expect((await merchant.call('POST', `${path}/cancel`, {})).body).toMatchObject({ status: 'CANCELED' });
    await worker?.stop();
    expect((await pay(merchant, body)).status).toBe(202);
    expect(await merchant.call('GET', path)).toMatchObject({
      status: 200,
      body: { status: 'IN_PROGRESS', storeId: 's1' },
    });
    worker = await stack.startWorker();
    await until('the decision', async () => (await merchant.call('GET', path)).body.status === 'DECLINED');
  });

  it('whose answer was lost, and which was canceled since, still tells of its completion, once', async () => {
    const receiver = await startWebhookReceiver();
    const shop = await givenMerchant(stack, { webhookUrl: receiver.url });
    const faults = createFaultyPool(stack.pool);
    await withWorker({ pool: faults.pool }, async () => {
      const payer = await givenPayer(stack, { balance: 1_000 });
      const body = paymentBody({ code: await payer.code() });
      // Committed, but unheard, and asked again only after the cancel has gone through.
      faults.loseAnswers('payment_settle', 1);
      faults.afterLoss(() => {
        faults.break('payment_settle');
      });
      expect((await pay(shop, body)).status).toBe(200);
      const canceled = await shop.call('POST', `/v1/payments/${body.merchantPaymentId}/cancel`, {});
      expect(canceled.body).toMatchObject({ status: 'CANCELED' });
      faults.heal();
      const handle = stack.temporal.workflow.getHandle(
        paymentWorkflowId(shop.merchantId, body.merchantPaymentId),
      );
      expect(await handle.result()).toMatchObject({ status: 'COMPLETED' });
      await until('both events', () => receiver.received.length === 2);
      const types = receiver.received.map((it) => it.headers['kessai-event-type']);
      expect(types.sort()).toEqual(['payment.canceled', 'payment.completed']);
      expect((await pay(shop, body)).body.status).toBe('COMPLETED');
      expect(await payer.balance()).toBe(1_000);
    });
    receiver.close();
  });

  it('whose cancel committed without an answer tells the merchant of it', async () => {
    const receiver = await startWebhookReceiver();
    const shop = await givenMerchant(stack, { webhookUrl: receiver.url });
    const faults = createFaultyPool(stack.pool);
    await withWorker({ pool: faults.pool }, async () => {
      const payer = await givenPayer(stack, { balance: 1_000 });
      const { body } = await pay(shop, { code: await payer.code() });
      faults.loseAnswers('payment_cancel', 1);
      const canceled = await shop.call('POST', `/v1/payments/${body.merchantPaymentId}/cancel`, {});
      expect(canceled.body).toMatchObject({ status: 'CANCELED' });
      await until('both events', () => receiver.received.length === 2);
      expect(await payer.balance()).toBe(1_000);
    });
    receiver.close();
  });
});
