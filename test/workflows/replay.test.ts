import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { describe, expect, inject, it } from 'vitest';
import { webhookWorkflowId } from '../../workflows/webhook-delivery/contract.ts';
import { paymentCancelWorkflowId } from '../../workflows/payment-cancel/contract.ts';
import { journalWorkflowId } from '../../workflows/journal/contract.ts';
import { confirmRelease } from '../../workflows/parking-settlement/contract.ts';
import { paymentWorkflowId, resolveDispute } from '../../workflows/payment/contract.ts';
import { refundWorkflowId } from '../../workflows/refund/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { connectCredit } from '../support/credit.ts';
import { createFaultyPool } from '../support/faults.ts';
import { givenMerchant, givenPayer, pay, paymentBody } from '../support/givens.ts';
import { givenOfflinePhone, lastStep } from '../support/offline.ts';
import { givenDriver, givenOperator, startOperatorServer } from '../support/parking.ts';
import { refundOf } from '../support/refunds.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';

const folder = fileURLToPath(new URL('../histories/', import.meta.url));
const recorded = readdirSync(folder).filter((name) => name.endsWith('.json'));

describe('workflow code of today', () => {
  it('has histories to be held against', () => {
    expect(recorded.length).toBeGreaterThanOrEqual(6);
  });

  it.each(recorded)('replays %s as it ran then', async (name) => {
    const history: unknown = JSON.parse(readFileSync(folder + name, 'utf8'));
    await Worker.runReplayHistory({ workflowBundle: { codePath: inject('bundlePath') } }, history);
  });
});

describe('a change that running workflows cannot follow', () => {
  it('is noticed: here a payment whose workflow would do something else today', async () => {
    const recordedText = readFileSync(`${folder}payment-completed.json`, 'utf8');
    const changed = recordedText.replace('"name": "payment"', '"name": "webhookDelivery"');
    expect(changed).not.toBe(recordedText);
    const history: unknown = JSON.parse(changed);
    const replay = Worker.runReplayHistory({ workflowBundle: { codePath: inject('bundlePath') } }, history);
    await expect(replay).rejects.toThrow(/Nondeterminism/);
  });
});

/**
 * `RECORD_HISTORIES=1 npm test -- test/workflows/replay` records what is not recorded yet. A recorded history is never
 * edited or recorded again: it is what some workflow in production may still be going through.
 */
describe.runIf(process.env.RECORD_HISTORIES === '1')('recording', () => {
  it('keeps one history of each behaviour', { timeout: 180_000 }, async () => {
    const stack = await startStack({ workers: 0 });
    const faults = createFaultyPool(stack.pool);
    await stack.startWorker({ pool: faults.pool });
    const receiver = await startWebhookReceiver();
    const plain = await givenMerchant(stack, { merchantId: 'recorded' });
    const told = await givenMerchant(stack, { merchantId: 'recorded-webhook', webhookUrl: receiver.url });
    const payer = await givenPayer(stack, { balance: 10_000 });

    const completed = await pay(plain, {
      merchantPaymentId: 'completed',
      code: await payer.code(),
      amount: 100,
    });
    await record('payment-completed', paymentWorkflowId('recorded', completed.body.merchantPaymentId));
    await pay(plain, { merchantPaymentId: 'declined', code: await payer.code(), amount: 100_000 });
    await record('payment-declined', paymentWorkflowId('recorded', 'declined'));
    const event = await pay(told, { merchantPaymentId: 'webhook', code: await payer.code(), amount: 101 });
    await record('payment-completed-webhook', paymentWorkflowId('recorded-webhook', 'webhook'));
    await record('webhook-delivered', webhookWorkflowId(`evt_${event.body.paymentId}_completed`));
    await plain.call('POST', '/v1/payments/completed/cancel', {});
    await record('payment-cancel-done', paymentCancelWorkflowId('recorded', 'completed'));
    await plain.call('POST', '/v1/payments/never-seen/cancel', {});
    await record('payment-cancel-tombstone', paymentCancelWorkflowId('recorded', 'never-seen'));
    faults.loseAnswers('payment_settle', 2);
    const body = paymentBody({ merchantPaymentId: 'retried', code: await payer.code(), amount: 102 });
    await pay(plain, body);
    await until(
      'the decision',
      async () => (await plain.call('GET', '/v1/payments/retried')).body.status === 'COMPLETED',
    );
    await record('payment-completed-second-try', paymentWorkflowId('recorded', 'retried'));

    await refundOf(plain, body, { merchantRefundId: 'part', amount: 2 });
    await record('refund-completed', refundWorkflowId('recorded', 'part'));
    await refundOf(plain, body, { merchantRefundId: 'too-much', amount: 101 });
    await record('refund-failed', refundWorkflowId('recorded', 'too-much'));
    await refundOf(told, event.body, { merchantRefundId: 'told', amount: 101 });
    await record('refund-completed-webhook', refundWorkflowId('recorded-webhook', 'told'));
    const credit = await connectCredit(stack);
    const onCredit = await credit.paid(plain);
    await stack.temporal.workflow
      .getHandle(paymentWorkflowId('recorded', onCredit.payment.merchantPaymentId))
      .result();
    await record('payment-credit', paymentWorkflowId('recorded', onCredit.payment.merchantPaymentId));
    await refundOf(plain, onCredit.payment, { merchantRefundId: 'credit', amount: 100 });
    await record('refund-credit', refundWorkflowId('recorded', 'credit'));
    for (const [merchantPaymentId, isShown] of [
      ['matched', true],
      ['disputed', false],
    ] as const) {
      const phone = await givenOfflinePhone(await givenPayer(stack, { balance: 1_000 }));
      const step = await lastStep();
      await pay(plain, { merchantPaymentId, code: await phone.code(step), amount: isShown ? 103 : 104 });
      await phone.journal({ steps: isShown ? [step] : [], fromStep: step, toStep: step });
      const { rows } = await stack.pool.query<{ id: string }>(
        'select journal_id as id from journal where device_id = $1',
        [phone.deviceId],
      );
      await record(`journal-${merchantPaymentId}`, journalWorkflowId(phone.deviceId, rows[0]?.id ?? ''));
      const workflowId = paymentWorkflowId('recorded', merchantPaymentId);
      if (!isShown) await resolve(workflowId);
      await record(`payment-offline-${merchantPaymentId}`, workflowId);
    }
    const days = { from: '2025-06-10', to: '2025-06-10' };
    await stack.temporal.workflow.start('reconciliation', {
      workflowId: 'reconciliation:2025-06-10',
      taskQueue: stack.taskQueue,
      args: [{ days }],
    });
    await record('reconciliation', 'reconciliation:2025-06-10');
    await credit.issuer.close();
    receiver.close();
    await stack.stop();

    async function resolve(workflowId: string): Promise<void> {
      const handle = stack.temporal.workflow.getHandle(workflowId);
      await until('the operator to be asked', async () => {
        const { typedSearchAttributes } = await handle.describe();
        return typedSearchAttributes.get(AWAITING_OPERATOR) === true;
      });
      await handle.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'recorded' });
    }

    function record(name: string, workflowId: string): Promise<void> {
      return recordEnd(name, stack.temporal.workflow.getHandle(workflowId));
    }
  });

  it('keeps one history of each end of a parking settlement', { timeout: 180_000 }, async () => {
    const stack = await startStack();
    const server = await startOperatorServer();
    const operator = await givenOperator(stack, server);

    const left = await givenDriver(stack, operator);
    await left.settle();
    await left.untilState('RELEASED');
    await stack.pool.query('update parking_session set ended_at = now() where session_id = $1', [
      left.sessionId,
    ]);
    await left.handle().signal('stayEnded');
    await recordEnd('parking-exited', left.handle());

    const twice = await givenDriver(stack, operator);
    server.payAtMachine(twice.sessionId);
    await twice.settle();
    await recordEnd('parking-refunded', twice.handle());

    const asked = await givenDriver(stack, await givenOperator(stack));
    await asked.settle();
    await asked.untilAwaiting();
    await asked.handle().signal(confirmRelease, { operator: 'mei', outcome: 'RELEASED', amount: 1 });
    await asked.handle().signal(confirmRelease, { operator: 'mei', outcome: 'RELEASED', amount: 500 });
    await recordEnd('parking-confirmed', asked.handle());

    const poor = await givenDriver(stack, operator, { balance: 1 });
    await poor.settle();
    await recordEnd('parking-declined', poor.handle());
    server.close();
    await stack.stop();
  });

  async function recordEnd(name: string, handle: WorkflowHandle): Promise<void> {
    await handle.result();
    const file = `${folder}${name}.json`;
    if (!existsSync(file)) writeFileSync(file, `${historyToJSON(await handle.fetchHistory())}\n`);
  }
});
