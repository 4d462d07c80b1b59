import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { DEFAULT_CODE_PREFIX, formatCode } from '../../domain/code/format.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { paymentWorkflowId } from '../../workflows/payment/contract.ts';
import { createFaultyPool } from '../support/faults.ts';
import { givenMerchant, givenPayer, pay, paymentBody, type GivenMerchant } from '../support/givens.ts';
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
afterAll(async () => {
  const { breaks } = await verifyLedger(stack.pool);
  await stack.stop();
  expect(breaks).toEqual([]);
});

async function historyOf(it: PaymentView): Promise<string[]> {
  const handle = stack.temporal.workflow.getHandle(paymentWorkflowId(it.merchantId, it.merchantPaymentId));
  await handle.result();
  const { events } = await handle.fetchHistory();
  return (events ?? []).map(
    (event) => Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '',
  );
}

describe('the history of a payment', () => {
  it('that is completed without webhook has nine events, in one workflow task', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const { body } = await pay(merchant, { code: await payer.code() });
    const events = await historyOf(body);
    expect(events).toHaveLength(9);
    expect(events.filter((it) => it.startsWith('workflowTaskStarted'))).toHaveLength(1);
  });

  it('that is declined has eight events', async () => {
    const payer = await givenPayer(stack);
    const { body } = await pay(merchant, { code: await payer.code() });
    expect(body.declineCode).toBe('INSUFFICIENT_FUNDS');
    expect(await historyOf(body)).toHaveLength(8);
  });

  it('with a webhook has five more, and the till does not wait for them', async () => {
    const receiver = await startWebhookReceiver();
    const shop = await givenMerchant(stack, { webhookUrl: receiver.url });
    const payer = await givenPayer(stack, { balance: 1_000 });
    const { body } = await pay(shop, { code: await payer.code() });
    expect(await historyOf(body)).toHaveLength(14);
    await until('the webhook', () => receiver.received.length === 1);
    receiver.close();
  });

  it('holds no code, no key and no name', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const code = await payer.code();
    const { body } = await pay(merchant, { code });
    const handle = stack.temporal.workflow.getHandle(
      paymentWorkflowId(body.merchantId, body.merchantPaymentId),
    );
    const text = JSON.stringify(await handle.fetchHistory());
    const decoded = [...text.matchAll(/"data":"([^"]+)"/g)].map((it) =>
      Buffer.from(it[1] ?? '', 'base64').toString(),
    );
    const all = [text, ...decoded].join('\n');
    expect(all).toContain(body.paymentId);
    for (const secret of [code, merchant.key, payer.deviceToken, 'Test User'])
      expect(all).not.toContain(secret);
  });
});

describe('in Temporal Web UI a payment', () => {
  it('shows amount and store, its details, and is found by status and merchant', async () => {
    const payer = await givenPayer(stack, { balance: 5_000 });
    const { body } = await pay(merchant, { code: await payer.code(), amount: 1_234 });
    const handle = stack.temporal.workflow.getHandle(
      paymentWorkflowId(body.merchantId, body.merchantPaymentId),
    );
    await handle.result();
    const description = await handle.describe();
    expect(await description.staticSummary()).toBe(`1,234 JPY at ${merchant.merchantId}/s1`);
    const metadata = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(metadata.currentDetails).toContain('### 1,234 JPY: **COMPLETED**');
    expect(metadata.currentDetails).toContain(body.paymentId);
    await until('visibility', async () => {
      const query = `PaymentStatus = 'COMPLETED' and MerchantId = '${merchant.merchantId}' and AwaitingOperator = false`;
      for await (const it of stack.temporal.workflow.list({ query })) {
        if (it.workflowId === handle.workflowId) return true;
      }
      return false;
    });
  });
});

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

  it('that an operator terminated undecided can be sent again under its id', async () => {
    await worker?.stop();
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    expect((await pay(merchant, body)).status).toBe(202);
    const handle = stack.temporal.workflow.getHandle(
      paymentWorkflowId(merchant.merchantId, body.merchantPaymentId),
    );
    await handle.terminate('test');
    expect((await merchant.call('GET', `/v1/payments/${body.merchantPaymentId}`)).status).toBe(404);
    worker = await stack.startWorker();
    expect((await pay(merchant, body)).body.status).toBe('COMPLETED');
    expect(await payer.balance()).toBe(500);
  });

  it('that an operator reset runs again without a second effect', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const first = await pay(merchant, body);
    const workflowId = paymentWorkflowId(merchant.merchantId, body.merchantPaymentId);
    const handle = stack.temporal.workflow.getHandle(workflowId);
    await handle.result();
    const { events } = await handle.fetchHistory();
    const taskCompleted = events?.find((it) => it.workflowTaskCompletedEventAttributes != null);
    const reset = await stack.temporal.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId },
      reason: 'test',
      workflowTaskFinishEventId: taskCompleted?.eventId ?? null,
      requestId: body.merchantPaymentId,
    });
    const result: unknown = await stack.temporal.workflow.getHandle(workflowId, reset.runId).result();
    expect(result).toEqual(first.body);
    expect(await payer.balance()).toBe(500);
  });

  it('whose workflow Temporal no longer keeps is answered from Postgres', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const first = await pay(merchant, body);
    // Given to another merchant, it is a payment without a workflow, as after the end of retention.
    const heir = await givenMerchant(stack);
    const give = 'update payment set merchant_id = $2 where payment_id = $1';
    await stack.pool.query(give, [first.body.paymentId, heir.merchantId]);
    const again = await pay(heir, body);
    expect(again).toMatchObject({ status: 200, body: { ...first.body, merchantId: heir.merchantId } });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(await pay(heir, { ...body, amount: 1 })).toMatchObject({ status: 422 });
    expect(await payer.balance()).toBe(500);
    await stack.pool.query(give, [first.body.paymentId, merchant.merchantId]);
  });
});

describe('an unknown code', () => {
  it('is a decision of its own, with no payer told', async () => {
    const { body } = await pay(merchant, { code: formatCode(DEFAULT_CODE_PREFIX, 'ONLINE', '9'.repeat(16)) });
    expect(body).toMatchObject({ status: 'DECLINED', declineCode: 'CODE_INVALID' });
    expect(await historyOf(body)).toHaveLength(8);
  });
});
