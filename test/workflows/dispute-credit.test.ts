import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { paymentOperationKeys } from '../../domain/credit/credit.ts';
import { paymentWorkflowId, resolveDispute } from '../../workflows/payment/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { connectCredit, givenCreditOrder, type CreditSide } from '../support/credit.ts';
import { silentAt } from '../support/issuer.ts';
import { givenMerchant, pay, paymentBody, type GivenMerchant } from '../support/givens.ts';
import { givenOfflinePhone, lastStep } from '../support/offline.ts';
import { runNightly } from '../support/reconcile.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let credit: CreditSide;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack({ workers: 0 });
  await stack.startWorker({ issuerTimeoutMs: 1_000 });
  merchant = await givenMerchant(stack);
  credit = await connectCredit(stack);
});
beforeEach(() => credit.issuer.setFaults());
afterAll(async () => {
  await credit.issuer.close();
  await stopWithSoundLedger(stack);
});

/** An offline payment of 1,000 on credit that the phone's journal lacks; an operator is asked. */
async function givenDispute(isCaptured = true) {
  const { issuer, issuerId } = credit;
  const { payer, accountRef } = await givenCreditOrder(stack, issuer, { issuerId, amount: 1_000 });
  await payer.call('PUT', '/v1/offline-preference', { fundingSource: 'PAY_LATER' });
  const phone = await givenOfflinePhone(payer);
  const step = await lastStep();
  if (!isCaptured) await issuer.setFaults(...silentAt('CAPTURE'));
  const body = paymentBody({ code: await phone.code(step), amount: 1_000 });
  await pay(merchant, body);
  const { merchantId } = merchant;
  const handle = stack.temporal.workflow.getHandle(paymentWorkflowId(merchantId, body.merchantPaymentId));
  if (isCaptured) {
    await until('the capture', async () => (await issuer.accountOf(accountRef)).captured === 1_000);
  }
  await phone.journal({ steps: [], fromStep: step, toStep: step });
  await until('the operator to be asked', () => isAwaited(handle));
  const look = async () => (await merchant.call('GET', `/v1/payments/${body.merchantPaymentId}`)).body;
  const keys = paymentOperationKeys(merchantId, body.merchantPaymentId);
  return { accountRef, body, handle, look, keys };
}

async function isAwaited(handle: WorkflowHandle): Promise<boolean> {
  return (await handle.describe()).typedSearchAttributes.get(AWAITING_OPERATOR) === true;
}

async function asked(key: string): Promise<number> {
  const found = await stack.pool.query('select 1 from issuer_attempt where operation_key = $1', [key]);
  return found.rowCount ?? 0;
}

async function resetToStart(handle: WorkflowHandle): Promise<void> {
  const { runId } = await handle.describe();
  const { events } = await handle.fetchHistory();
  const taskCompleted = events?.find((it) => it.workflowTaskCompletedEventAttributes != null);
  await stack.temporal.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: handle.workflowId, runId },
    reason: 'test',
    workflowTaskFinishEventId: taskCompleted?.eventId ?? null,
    requestId: runId,
  });
}

describe('the refund of a dispute on credit', () => {
  it.each(['reset', 'terminated and sent again', 'terminated, and the night comes'] as const)(
    'that its issuer has not confirmed reaches it all the same when the workflow is %s',
    async (how) => {
      const { accountRef, body, handle, look, keys } = await givenDispute();
      await credit.issuer.setFaults(...silentAt('REFUND'));
      await handle.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'stolen' });
      await until('the refund to be asked for', async () => (await asked(keys.disputeRefund)) > 0);
      expect(await look()).toMatchObject({ status: 'REFUNDED', reconciliation: 'RESOLVED' });
      expect((await credit.issuer.accountOf(accountRef)).used).toBe(1_000);
      if (how === 'reset') await resetToStart(handle);
      else await handle.terminate('test');
      if (how === 'terminated, and the night comes') await runNightly(stack, merchant.merchantId);
      if (how === 'terminated and sent again') {
        expect((await merchant.call('POST', '/v1/payments', body)).status).toBe(200);
      }
      await credit.issuer.setFaults();
      const latest = stack.temporal.workflow.getHandle(handle.workflowId);
      expect(await latest.result()).toMatchObject({ status: 'REFUNDED', reconciliation: 'RESOLVED' });
      expect(await credit.issuer.accountOf(accountRef)).toMatchObject({ used: 0, captured: 0 });
      await credit.expectBooksAgree();
      // Known to be done, it needs no workflow any more.
      const { runId } = await latest.describe();
      await runNightly(stack, merchant.merchantId);
      expect((await latest.describe()).runId).toBe(runId);
    },
  );
});

describe('the question about a dispute', () => {
  it('stays on the screen while the capture is asked for, and says what that waits for', async () => {
    const { accountRef, handle, keys } = await givenDispute(false);
    const before = await asked(keys.capture);
    await until('more tries', async () => (await asked(keys.capture)) >= before + 2);
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('resolveDispute');
    await until('what is unknown', async () => {
      const now = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
      expect(now.currentDetails).toContain('**Waits for an operator.**');
      return now.currentDetails.includes(`CAPTURE \`${keys.capture}\` is unknown`);
    });
    await credit.issuer.setFaults();
    await handle.signal(resolveDispute, { operator: 'mei', action: 'ACCEPT', reason: 'it was them' });
    expect(await handle.result()).toMatchObject({ status: 'COMPLETED', reconciliation: 'RESOLVED' });
    expect((await credit.issuer.accountOf(accountRef)).captured).toBe(1_000);
  });

  it('comes before the capture is known; what its word gives back reaches the issuer after that', async () => {
    const { accountRef, handle } = await givenDispute(false);
    expect((await credit.issuer.accountOf(accountRef)).captured).toBe(0);
    await handle.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'stolen' });
    await until('the word to be obeyed', async () => !(await isAwaited(handle)));
    await credit.issuer.setFaults();
    expect(await handle.result()).toMatchObject({ status: 'REFUNDED', reconciliation: 'RESOLVED' });
    expect(await credit.issuer.accountOf(accountRef)).toMatchObject({ used: 0, captured: 0 });
    await credit.expectBooksAgree();
  });
});
