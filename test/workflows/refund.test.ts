import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PaymentView } from '../../domain/payment/payment.ts';
import type { RefundView } from '../../domain/refund/refund.ts';
import { refundWorkflowId } from '../../workflows/refund/contract.ts';
import { createFaultyPool } from '../support/faults.ts';
import { givenMerchant, givenPayer, pay, paymentBody, type GivenMerchant } from '../support/givens.ts';
import { refundBody, refundOf } from '../support/refunds.ts';
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

async function paid(shop: GivenMerchant = merchant) {
  const payer = await givenPayer(stack, { balance: 1_000 });
  const answer = await pay(shop, { code: await payer.code() });
  return { payer, payment: answer.body };
}

function handleOf(it: RefundView) {
  return stack.temporal.workflow.getHandle(refundWorkflowId(it.merchantId, it.merchantRefundId));
}

async function historyOf(it: RefundView): Promise<string[]> {
  const handle = handleOf(it);
  await handle.result();
  const { events } = await handle.fetchHistory();
  return (events ?? []).map(
    (event) => Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '',
  );
}

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

describe('the history of a refund', () => {
  it('to a balance has eight events, in one workflow task, and so has one that is refused', async () => {
    const { payment } = await paid();
    const made = await refundOf(merchant, payment);
    const events = await historyOf(made.body);
    expect(events).toHaveLength(8);
    expect(events.filter((it) => it.startsWith('workflowTaskStarted'))).toHaveLength(1);
    const refused = refundBody({ amount: 501 });
    await refundOf(merchant, payment, refused);
    const view = { ...made.body, merchantRefundId: refused.merchantRefundId };
    expect(await historyOf(view)).toHaveLength(8);
  });

  it('with a webhook has five more; the event is the refund as it was, under an id of its own', async () => {
    const receiver = await startWebhookReceiver();
    const shop = await givenMerchant(stack, { webhookUrl: receiver.url });
    const { payment } = await paid(shop);
    const { body } = await refundOf(shop, payment);
    expect(await historyOf(body)).toHaveLength(13);
    await refundOf(shop, payment, { amount: 401 });
    await until('the webhooks', () => receiver.received.length === 3);
    const told = receiver.received.filter((it) => it.headers['kessai-event-type']?.startsWith('refund.'));
    const completed = told.find((it) => it.headers['kessai-event-type'] === 'refund.completed');
    expect(completed?.headers['webhook-id']).toBe(`evt_${body.refundId}_completed`);
    expect(JSON.parse(completed?.body ?? '')).toEqual(body);
    const failed = told.find((it) => it.headers['kessai-event-type'] === 'refund.failed');
    expect(JSON.parse(failed?.body ?? '')).toMatchObject({
      status: 'FAILED',
      failCode: 'REFUND_EXCEEDS_REMAINING',
    });
    receiver.close();
  });

  it('holds no payer, no key and no name', async () => {
    const { payer, payment } = await paid();
    const { body } = await refundOf(merchant, payment);
    await handleOf(body).result();
    const text = JSON.stringify(await handleOf(body).fetchHistory());
    const decoded = [...text.matchAll(/"data":"([^"]+)"/g)].map((it) =>
      Buffer.from(it[1] ?? '', 'base64').toString(),
    );
    const all = [text, ...decoded].join('\n');
    expect(all).toContain(body.refundId);
    for (const secret of [merchant.key, payer.deviceToken, 'Test User']) expect(all).not.toContain(secret);
  });
});

describe('in Temporal Web UI a refund', () => {
  it('shows amount and payment, its details, and is found by its merchant', async () => {
    const { payment } = await paid();
    const { body } = await refundOf(merchant, payment, { amount: 123 });
    const handle = handleOf(body);
    await handle.result();
    const description = await handle.describe();
    expect(await description.staticSummary()).toBe(
      `refund 123 JPY of ${payment.merchantPaymentId} at ${merchant.merchantId}`,
    );
    const metadata = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(metadata.currentDetails).toContain('### Refund of 123 JPY: **COMPLETED**');
    expect(metadata.currentDetails).toContain(body.refundId);
    await until('visibility', async () => {
      const query = `WorkflowType = 'refund' and MerchantId = '${merchant.merchantId}' and AwaitingOperator = false`;
      for await (const it of stack.temporal.workflow.list({ query })) {
        if (it.workflowId === handle.workflowId) return true;
      }
      return false;
    });
  });
});

describe('when things go wrong, a refund', () => {
  it('whose step throws after its commit is retried without a second effect', async () => {
    const faults = createFaultyPool(stack.pool);
    await withWorker({ pool: faults.pool }, async () => {
      const { payer, payment } = await paid();
      faults.loseAnswers('refund_begin', 2);
      const answer = await refundOf(merchant, payment);
      expect(answer).toMatchObject({ status: 200, body: { status: 'COMPLETED' } });
      expect(faults.asked('refund_begin')).toBe(3);
      expect(await payer.balance()).toBe(600);
    });
  });

  it('whose answer was lost still tells the merchant, once', async () => {
    const receiver = await startWebhookReceiver();
    const shop = await givenMerchant(stack, { webhookUrl: receiver.url });
    const faults = createFaultyPool(stack.pool);
    await withWorker({ pool: faults.pool }, async () => {
      const { payment } = await paid(shop);
      faults.loseAnswers('refund_begin', 1);
      const answer = await refundOf(shop, payment);
      await handleOf(answer.body).result();
      await until('both events', () => receiver.received.length === 2);
      const types = receiver.received.map((it) => it.headers['kessai-event-type']).sort();
      expect(types).toEqual(['payment.completed', 'refund.completed']);
    });
    receiver.close();
  });

  it('that finds no Postgres answers IN_PROGRESS, goes on asking, and ends when Postgres is back', async () => {
    const faults = createFaultyPool(stack.pool);
    await withWorker({ pool: faults.pool }, async () => {
      const { payer, payment } = await paid();
      const body = refundBody();
      const path = `/v1/payments/${payment.merchantPaymentId}/refunds/${body.merchantRefundId}`;
      faults.break('refund_begin');
      const first = await refundOf(merchant, payment, body);
      expect(first).toMatchObject({ status: 202, body: { status: 'IN_PROGRESS', amount: 100 } });
      expect(first.headers.get('location')).toBe(path);
      expect(await merchant.call('GET', path)).toMatchObject({ status: 200, body: first.body });
      await until('a pending activity that operators can see', async () => {
        const { raw } = await handleOf(first.body).describe();
        return raw.pendingActivities?.some((it) => it.activityType?.name === 'beginRefund');
      });
      faults.heal();
      const ended = await until('the end', async () => {
        const answer = await merchant.call<RefundView>('GET', path);
        return answer.body.status === 'COMPLETED' ? answer.body : false;
      });
      expect((await refundOf(merchant, payment, body)).body).toEqual(ended);
      expect(await payer.balance()).toBe(600);
    });
  });

  it('that finds no worker answers IN_PROGRESS, repeats it, refuses another body, and ends when one comes', async () => {
    const { payer, payment } = await paid();
    await worker?.stop();
    const body = refundBody();
    const first = await refundOf(merchant, payment, body);
    expect(first).toMatchObject({ status: 202, body: { status: 'IN_PROGRESS' } });
    const [again, other] = await Promise.all([
      refundOf(merchant, payment, body),
      refundOf(merchant, payment, { ...body, amount: 99 }),
    ]);
    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
    worker = await stack.startWorker();
    await handleOf(first.body).result();
    const repeated = await refundOf(merchant, payment, body);
    expect(repeated).toMatchObject({ status: 200, body: { status: 'COMPLETED' } });
    expect(repeated.headers.get('idempotency-hit')).toBe('true');
    expect(await payer.balance()).toBe(600);
  });

  it('of a payment that is not decided yet is 409, and can be asked again once it is', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    await worker?.stop();
    const order = paymentBody({ code: await payer.code() });
    expect((await pay(merchant, order)).status).toBe(202);
    const body = refundBody();
    expect(await refundOf(merchant, order, body)).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT_STATE' },
    });
    worker = await stack.startWorker();
    await until('the decision', async () => {
      const answer = await merchant.call<PaymentView>('GET', `/v1/payments/${order.merchantPaymentId}`);
      return answer.body.status === 'COMPLETED';
    });
    expect((await refundOf(merchant, order, body)).status).toBe(200);
    expect(await payer.balance()).toBe(600);
  });

  it('that an operator terminated undecided can be sent again under its id', async () => {
    const { payer, payment } = await paid();
    await worker?.stop();
    const body = refundBody();
    const first = await refundOf(merchant, payment, body);
    await handleOf(first.body).terminate('test');
    const path = `/v1/payments/${payment.merchantPaymentId}/refunds/${body.merchantRefundId}`;
    expect((await merchant.call('GET', path)).status).toBe(404);
    worker = await stack.startWorker();
    expect((await refundOf(merchant, payment, body)).status).toBe(200);
    expect(await payer.balance()).toBe(600);
  });

  it('that an operator reset runs again without a second effect', async () => {
    const { payer, payment } = await paid();
    const first = await refundOf(merchant, payment);
    const handle = handleOf(first.body);
    await handle.result();
    const { events } = await handle.fetchHistory();
    const taskCompleted = events?.find((it) => it.workflowTaskCompletedEventAttributes != null);
    const reset = await stack.temporal.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: handle.workflowId },
      reason: 'test',
      workflowTaskFinishEventId: taskCompleted?.eventId ?? null,
      requestId: first.body.refundId,
    });
    const result: unknown = await stack.temporal.workflow.getHandle(handle.workflowId, reset.runId).result();
    expect(result).toEqual(first.body);
    expect(await payer.balance()).toBe(600);
  });

  it('started for a payment that is not there fails, keeps nothing and can be started again', async () => {
    const { payment } = await paid();
    const input = {
      ...refundBody(),
      refundId: 'ref_by_hand',
      merchantId: merchant.merchantId,
      merchantPaymentId: 'never-seen',
      requestHash: 'h',
      attemptId: 'a',
    };
    const workflowId = refundWorkflowId(merchant.merchantId, input.merchantRefundId);
    const handle = await stack.temporal.workflow.start('refund', {
      workflowId,
      taskQueue: stack.taskQueue,
      args: [input],
    });
    await expect(handle.result()).rejects.toThrow();
    const { merchantRefundId, amount } = input;
    expect((await refundOf(merchant, payment, { merchantRefundId, amount })).status).toBe(200);
  });
});
