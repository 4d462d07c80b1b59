import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { describe, expect, inject, it } from 'vitest';
import { webhookWorkflowId } from '../../workflows/webhook-delivery/contract.ts';
import { paymentCancelWorkflowId } from '../../workflows/payment-cancel/contract.ts';
import { debtChanged, dunningWorkflowId, paymentCompleted } from '../../workflows/dunning/contract.ts';
import { journalWorkflowId } from '../../workflows/journal/contract.ts';
import { confirmRelease } from '../../workflows/parking-settlement/contract.ts';
import { paymentWorkflowId, resolveDispute } from '../../workflows/payment/contract.ts';
import { pushWorkflowId } from '../../workflows/push/contract.ts';
import { refundWorkflowId } from '../../workflows/refund/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { dunningTaskQueue } from '../../workflows/task-queue.ts';
import { connectCredit } from '../support/credit.ts';
import { debtBody, debtOf, givenCreditor, givenDebtor, tell } from '../support/debts.ts';
import { createFaultyPool } from '../support/faults.ts';
import { givenMerchant, givenPayer, pay, paymentBody } from '../support/givens.ts';
import { givenOfflinePhone, lastStep } from '../support/offline.ts';
import { givenDriver, givenOperator, startOperatorServer } from '../support/parking.ts';
import { givenBrowser } from '../support/push.ts';
import { startPushService } from '../support/push-service.ts';
import { refundOf } from '../support/refunds.ts';
import { connectRepay } from '../support/repayments.ts';
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
    await left.endStay();
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

  it(
    'keeps one history of each end of a dunning campaign, a push and a repayment',
    { timeout: 180_000 },
    async () => {
      const service = await startPushService();
      const stack = await startStack({ pushHosts: [service.host] });
      const receiver = await startWebhookReceiver();
      const issuer = await givenCreditor(stack, receiver.url);
      const debtor = await givenDebtor(stack);
      const register = async (debtId: string, it: object = {}): Promise<WorkflowHandle> => {
        await issuer.call('PUT', `/v1/debts/${debtId}`, { ...debtBody({ userId: debtor.userId }), ...it });
        return stack.temporal.workflow.getHandle(dunningWorkflowId(issuer.issuerId, debtId));
      };
      const firstMessage = (debtId: string): Promise<string> =>
        until('a message', async () => (await debtOf(issuer, debtId)).contacts[0]?.messageId);
      const repaid = (debtId: string, amount: number) =>
        issuer.call('POST', `/v1/debts/${debtId}/repayments`, {
          repaymentId: `r-${amount}`,
          amount,
          paidAt: '2026-11-20T00:00:00Z',
        });
      const pushOf = (messageId: string) => stack.temporal.workflow.getHandle(pushWorkflowId(messageId));

      const browser = await givenBrowser(service, debtor);
      const settled = await register('settled');
      const messageId = await firstMessage('settled');
      await recordEnd('push-accepted', pushOf(messageId));
      await tell(debtor, messageId, 'OPENED');
      await until(
        'the pause',
        async () => (await debtOf(issuer, 'settled')).nextContact?.reason === 'AFTER_OPENED',
      );
      await settled.signal(paymentCompleted);
      await repaid('settled', 300);
      await repaid('settled', 12_000);
      await recordEnd('dunning-settled', settled);

      const operated = await register('operated');
      await firstMessage('operated');
      const word = { operator: 'mei', reason: 'recorded' };
      await operated.signal('operateCampaign', { ...word, action: 'HOLD', until: 'soon' });
      await operated.signal('operateCampaign', { ...word, action: 'HOLD', until: '2099-01-01T00:00:00Z' });
      await until('the hold', async () => (await debtOf(issuer, 'operated')).state === 'ON_HOLD');
      await operated.signal('operateCampaign', { ...word, action: 'RELEASE' });
      const second = { baseIntervalHours: 1 / 3_600, minIntervalHours: 1 / 3_600, maxMessages: 2 };
      await issuer.call('PUT', '/v1/dunning/policy', { maxMessages: 3 });
      const applied = await issuer.call<{ workflowId: string }>('POST', '/v1/dunning/policy/apply', {});
      await recordEnd('dunning-policy', stack.temporal.workflow.getHandle(applied.body.workflowId));
      await until('the rules', async () => (await debtOf(issuer, 'operated')).policyVersion === 'v1');
      await operated.signal('operateCampaign', { ...word, action: 'STOP' });
      await recordEnd('dunning-operated', operated);

      await issuer.call('PUT', '/v1/dunning/policy', second);
      browser.answerWith({ status: 410 });
      await recordEnd('dunning-exhausted', await register('exhausted'));
      await recordEnd('push-gone', pushOf(await firstMessage('exhausted')));

      const long = await stack.temporal.workflow.start('dunning', {
        workflowId: dunningWorkflowId(issuer.issuerId, 'long'),
        taskQueue: dunningTaskQueue(stack.taskQueue),
        args: [{ issuerId: issuer.issuerId, debtId: 'long', maxEvents: 8 }],
        startDelay: '1 second',
      });
      await register('long', { dueOn: '2099-01-01' });
      const firstRun = stack.temporal.workflow.getHandle(long.workflowId, long.firstExecutionRunId);
      await long.signal(debtChanged);
      await until('the next run', async () => (await long.describe()).runId !== long.firstExecutionRunId);
      await keep('dunning-continued', firstRun);
      await issuer.call('POST', '/v1/debts/long/withdraw');

      const side = await connectRepay(stack);
      const paid = await side.givenDebt();
      await paid.pay({ repaymentId: 'done' });
      await recordEnd('repayment-completed', paid.handle('done'));
      const refused = await side.givenDebt();
      await side.issuer.setFaults({ operation: 'REPAYMENT', fault: 'DECLINE', times: 1 });
      await refused.pay({ repaymentId: 'refused' });
      await recordEnd('repayment-refused', refused.handle('refused'));
      await refused.pay({ repaymentId: 'more', amount: 5_001 });
      await recordEnd('repayment-failed', refused.handle('more'));
      await side.issuer.close();
      receiver.close();
      await stack.stop();
      service.close();
    },
  );

  async function recordEnd(name: string, handle: WorkflowHandle): Promise<void> {
    await handle.result();
    await keep(name, handle);
  }

  async function keep(name: string, handle: WorkflowHandle): Promise<void> {
    const file = `${folder}${name}.json`;
    if (!existsSync(file)) writeFileSync(file, `${historyToJSON(await handle.fetchHistory())}\n`);
  }
});
