import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { paymentWorkflowId } from '../../workflows/payment/contract.ts';
import { givenMerchant, givenPayer, pay, paymentBody, type GivenMerchant } from '../support/givens.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type RunningWorker, type Stack } from '../support/stack.ts';

let stack: Stack;
let merchant: GivenMerchant;
let worker: RunningWorker | undefined;

beforeAll(async () => {
  stack = await startStack({ workers: 0, tillDeadlineMs: 2_500 });
  merchant = await givenMerchant(stack);
  worker = await stack.startWorker();
});
afterAll(() => stopWithSoundLedger(stack));

describe('when operators or time take its workflow away, a payment', () => {
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
