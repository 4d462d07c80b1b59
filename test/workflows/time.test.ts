import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { webhookWorkflowId } from '../../workflows/webhook-delivery/contract.ts';
import { paymentWorkflowId } from '../../workflows/payment/contract.ts';
import { createFaultyPool, type FaultyPool } from '../support/faults.ts';
import { givenMerchant, givenPayer, pay, paymentBody } from '../support/givens.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { createTimeSkippingServer } from '../support/temporal.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

/** Days pass in seconds here. A server a test: one whose time has been skipped by hand does not always skip again by itself. */
let environment: TestWorkflowEnvironment;
let stack: Stack;
let faults: FaultyPool;
let receiver: WebhookReceiver;

beforeEach(async () => {
  environment = await createTimeSkippingServer();
  stack = await startStack({ environment, workers: 0 });
  faults = createFaultyPool(stack.pool);
  await stack.startWorker({ pool: faults.pool });
  receiver = await startWebhookReceiver();
});
afterEach(async () => {
  receiver.close();
  await stack.stop();
  await environment.teardown();
});

async function attemptsOf(eventId: string): Promise<{ status: string; tries: number }> {
  const found = await stack.pool.query<{ status: string; tries: number }>(
    `select status, (select count(*)::int from webhook_attempt a where a.event_id = e.event_id) as tries
       from webhook_event e where event_id = $1`,
    [eventId],
  );
  return found.rows[0] ?? { status: 'none', tries: 0 };
}

async function undelivered(): Promise<string> {
  const shop = await givenMerchant(stack, { webhookUrl: receiver.url });
  const payer = await givenPayer(stack, { balance: 1_000 });
  const { body } = await pay(shop, { code: await payer.code() });
  await stack.temporal.workflow
    .getHandle(paymentWorkflowId(body.merchantId, body.merchantPaymentId))
    .result();
  // Declined where the clock has run past the code's five minutes: an event like any other.
  return `evt_${body.paymentId}_${body.status.toLowerCase()}`;
}

describe('a webhook whose receiver', () => {
  it('is down for thirty hours is delivered when it is back, after 16 tries or more', async () => {
    receiver.answerWith(500);
    const eventId = await undelivered();
    await environment.sleep('30 hours');
    receiver.answerWith(204);
    const handle = stack.temporal.workflow.getHandle(webhookWorkflowId(eventId));
    expect(await handle.result()).toBe('DELIVERED');
    const { status, tries } = await attemptsOf(eventId);
    expect(status).toBe('DELIVERED');
    expect(tries).toBeGreaterThanOrEqual(16);
    const { events } = await handle.fetchHistory();
    expect(events?.length).toBeLessThanOrEqual(11);
  });

  it('never comes back is given up after three days, and says so', async () => {
    receiver.answerWith(500);
    const eventId = await undelivered();
    const handle = stack.temporal.workflow.getHandle(webhookWorkflowId(eventId));
    expect(await handle.result()).toBe('FAILED');
    expect((await attemptsOf(eventId)).status).toBe('FAILED');
    expect((await attemptsOf(eventId)).tries).toBeGreaterThanOrEqual(16);
  });
});

describe('a payment that could not be decided', () => {
  it('while its code was good is declined as CODE_EXPIRED when Postgres is back', async () => {
    const shop = await givenMerchant(stack);
    const payer = await givenPayer(stack, { balance: 1_000 });
    faults.break('payment_settle');
    const body = paymentBody({ code: await payer.code() });
    const handle = await stack.temporal.workflow.start('payment', {
      workflowId: paymentWorkflowId(shop.merchantId, body.merchantPaymentId),
      taskQueue: stack.taskQueue,
      args: [
        {
          ...body,
          merchantId: shop.merchantId,
          paymentId: 'pay_late',
          acceptSimilar: false,
          codeMode: 'ONLINE',
          codeDigest: stack.digestCode(body.code),
          requestHash: 'h',
          attemptId: 'a',
          code: undefined,
        },
      ],
    });
    await environment.sleep('10 minutes');
    faults.heal();
    expect(await handle.result()).toMatchObject({ status: 'DECLINED', declineCode: 'CODE_EXPIRED' });
    expect(await payer.balance()).toBe(1_000);
  });
});
