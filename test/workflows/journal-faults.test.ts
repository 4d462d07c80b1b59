import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { paymentWorkflowId, resolveDispute, resolveUnknown } from '../../workflows/payment/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { createFaultyPool, type FaultyPool } from '../support/faults.ts';
import { givenMerchant, givenPayer, pay, paymentBody, type GivenMerchant } from '../support/givens.ts';
import { givenAnotherPhone, givenOfflinePhone, lastStep, startOf, stepNow } from '../support/offline.ts';
import { runNightly } from '../support/reconcile.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let faults: FaultyPool;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack({ workers: 0 });
  faults = createFaultyPool(stack.pool);
  await stack.startWorker({ pool: faults.pool });
  merchant = await givenMerchant(stack);
});
afterAll(() => stopWithSoundLedger(stack));

/** An offline payment of a step that is over, and the workflow that waits for its journal. */
async function givenOfflinePayment() {
  const payer = await givenPayer(stack, { balance: 10_000 });
  const phone = await givenOfflinePhone(payer);
  const step = await lastStep();
  const body = paymentBody({ code: await phone.code(step), amount: 700 });
  const paid = await pay(merchant, body);
  expect(paid.body).toMatchObject({ status: 'COMPLETED', reconciliation: 'PENDING' });
  const handle = stack.temporal.workflow.getHandle(
    paymentWorkflowId(merchant.merchantId, body.merchantPaymentId),
  );
  const look = async () =>
    (await merchant.call('GET', `/v1/payments/${body.merchantPaymentId}`)).body.reconciliation;
  return { payer, phone, body, step, handle, look };
}

async function untilAwaiting(handle: Awaited<ReturnType<typeof givenOfflinePayment>>['handle']) {
  await until('the operator to be asked', async () => {
    const { status, typedSearchAttributes } = await handle.describe();
    return status.name === 'RUNNING' && typedSearchAttributes.get(AWAITING_OPERATOR) === true;
  });
}

describe("a phone's journal", () => {
  it.each([
    ['disputes: the operator is asked all the same', false],
    ['confirms: the workflow ends all the same', true],
  ] as const)('whose transaction was committed without an answer, and that %s', async (_title, hasEntry) => {
    const { phone, step, handle, look } = await givenOfflinePayment();
    faults.loseAnswers('journal_record', 1);
    const answer = await phone.journal({ steps: hasEntry ? [step] : [], fromStep: step, toStep: step });
    expect(answer.status).toBe(200);
    expect(await look()).toBe(hasEntry ? 'MATCHED' : 'DISPUTED');
    if (hasEntry) {
      expect(await handle.result()).toMatchObject({ reconciliation: 'MATCHED' });
      return;
    }
    await untilAwaiting(handle);
    await handle.signal(resolveDispute, { operator: 'mei', action: 'ACCEPT', reason: 'x' });
    expect(await handle.result()).toMatchObject({ reconciliation: 'RESOLVED' });
  });

  it('of two phones with the same words is one of each', async () => {
    const { payer, phone, step, look } = await givenOfflinePayment();
    const other = await givenAnotherPhone(stack, payer);
    const body = { entries: [], coversFrom: startOf(step), coversTo: startOf(step + 1) };
    expect((await other.call('POST', '/v1/journals', body)).status).toBe(200);
    expect(await look()).toBe('PENDING');
    expect((await phone.call('POST', '/v1/journals', body)).status).toBe(200);
    expect(await look()).toBe('DISPUTED');
  });
});

describe('the same journal again', () => {
  /** The run that took the phone's first journal is over. */
  const untilTaken = (deviceId: string) =>
    until('the first run to be over', async () => {
      for await (const run of stack.temporal.workflow.list({ query: `WorkflowType = 'journal'` }))
        if (run.workflowId.includes(deviceId)) return run.status.name !== 'RUNNING';
      return false;
    });

  it('says what is known by now, and no earlier answer: what was PENDING is MATCHED once it is paid with', async () => {
    const phone = await givenOfflinePhone(await givenPayer(stack, { balance: 10_000 }));
    const step = stepNow();
    const send = async () =>
      (await phone.journal({ steps: [step], fromStep: step, toStep: step })).body.results.map(
        (it) => it.outcome,
      );
    expect(await send()).toEqual(['PENDING']);
    await untilTaken(phone.deviceId);
    await pay(merchant, { code: await phone.code(step), amount: 500 });
    expect(await send()).toEqual(['MATCHED']);
  });

  it('starts the workflow of a payment that it disputes once more, if that was terminated', async () => {
    const { payer, phone, step, handle } = await givenOfflinePayment();
    const send = () => phone.journal({ steps: [], fromStep: step, toStep: step });
    await send();
    await untilAwaiting(handle);
    await untilTaken(phone.deviceId);
    await handle.terminate('test');
    await send();
    await until('the next run', async () => (await handle.describe()).status.name === 'RUNNING');
    await untilAwaiting(handle);
    await handle.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'x' });
    expect(await handle.result()).toMatchObject({ status: 'REFUNDED', reconciliation: 'RESOLVED' });
    expect(await payer.balance()).toBe(10_000);
  });
});

describe('an offline payment that waits for its journal', () => {
  it('obeys no word of an operator that comes before anybody asked', async () => {
    const { payer, phone, step, handle } = await givenOfflinePayment();
    const early = { operator: 'mei', reason: 'early' };
    await handle.signal(resolveDispute, { ...early, action: 'REFUND' });
    await handle.signal(resolveUnknown, { ...early, action: 'DECLINED' });
    await phone.journal({ steps: [], fromStep: step, toStep: step });
    await untilAwaiting(handle);
    expect(await payer.balance()).toBe(9_300);
    await handle.signal(resolveDispute, { operator: 'bo', action: 'ACCEPT', reason: 'x' });
    expect(await handle.result()).toMatchObject({ status: 'COMPLETED', reconciliation: 'RESOLVED' });
    expect(await payer.balance()).toBe(9_300);
  });

  it('goes on when its workflow is canceled in Temporal: that takes nothing back', async () => {
    const { payer, phone, step, handle, look } = await givenOfflinePayment();
    await handle.cancel();
    await phone.journal({ steps: [step], fromStep: step, toStep: step });
    expect(await handle.result()).toMatchObject({ status: 'COMPLETED', reconciliation: 'MATCHED' });
    expect(await look()).toBe('MATCHED');
    expect(await payer.balance()).toBe(9_300);
  });

  it('and whose workflow was terminated waits for an operator again when a journal disputes it', async () => {
    const { payer, phone, step, handle } = await givenOfflinePayment();
    await handle.terminate('test');
    await phone.journal({ steps: [], fromStep: step, toStep: step });
    await untilAwaiting(handle);
    await handle.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'x' });
    expect(await handle.result()).toMatchObject({ status: 'REFUNDED', reconciliation: 'RESOLVED' });
    expect(await payer.balance()).toBe(10_000);
  });

  it.each(['another journal', "the till's repeat", 'the nightly run'] as const)(
    'and whose workflow was terminated while it waited for an operator waits again after %s, once',
    async (by) => {
      const { payer, phone, body, step, handle, look } = await givenOfflinePayment();
      const send = (from = step) => phone.journal({ steps: [], fromStep: from, toStep: step });
      await send();
      await untilAwaiting(handle);
      await handle.terminate('test');
      const again = async () => {
        if (by === 'another journal') await send(step - 2);
        else if (by === "the till's repeat") await merchant.call('POST', '/v1/payments', body);
        else await runNightly(stack, merchant.merchantId);
      };
      await again();
      await untilAwaiting(handle);
      const { runId } = await handle.describe();
      await again();
      expect((await handle.describe()).runId).toBe(runId);
      expect(await look()).toBe('DISPUTED');
      await handle.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'x' });
      expect(await handle.result()).toMatchObject({ status: 'REFUNDED', reconciliation: 'RESOLVED' });
      expect(await payer.balance()).toBe(10_000);
    },
  );

  it('tells the operator of an entry that came while its workflow was gone', async () => {
    const { phone, step, handle } = await givenOfflinePayment();
    await phone.journal({ steps: [], fromStep: step, toStep: step });
    await untilAwaiting(handle);
    await handle.terminate('test');
    await phone.journal({ steps: [step], fromStep: step, toStep: step });
    await untilAwaiting(handle);
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('A later journal has the entry after all');
    await handle.signal(resolveDispute, { operator: 'mei', action: 'ACCEPT', reason: 'x' });
    await handle.result();
  });
});
