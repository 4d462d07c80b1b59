import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { paymentOperationKeys } from '../../domain/credit/credit.ts';
import { askIssuerNow } from '../../workflows/issuer/contract.ts';
import { paymentWorkflowId, resolveDispute, resolveUnknown } from '../../workflows/payment/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { givenCreditOrder } from '../support/credit.ts';
import { givenMerchant, paymentBody, type GivenMerchant } from '../support/givens.ts';
import { connectIssuer, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { givenOfflinePhone, lastStep } from '../support/offline.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { createTimeSkippingServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';

/** Days pass in seconds here. A server a test, as in time.test.ts. */
let environment: TestWorkflowEnvironment;
let stack: Stack;
let merchant: GivenMerchant;
let issuer: TestIssuer;
let issuerId: string;

beforeEach(async () => {
  environment = await createTimeSkippingServer();
  stack = await startStack({ environment, workers: 0, tillDeadlineMs: 1_500 });
  await stack.startWorker({ issuerTimeoutMs: 1_000 });
  merchant = await givenMerchant(stack);
  issuer = await startIssuer(stack.databaseUrl);
  issuerId = await connectIssuer(stack, issuer);
});
afterEach(async () => {
  await issuer.close();
  await stopWithSoundLedger(stack);
  await environment.teardown();
});

/** A payment of 1,000 on credit whose issuer has done it, did not say so, and does not answer questions. */
async function givenUnknownPayment() {
  const { payer, accountRef, body } = await givenCreditOrder(stack, issuer, { issuerId, amount: 1_000 });
  await issuer.setFaults(
    { operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 },
    { operation: 'LOOK_UP', fault: 'ERROR_500', times: 1_000 },
  );
  const answer = await merchant.call('POST', '/v1/payments', body);
  expect(answer).toMatchObject({ status: 202, body: { status: 'IN_PROGRESS' } });
  expect(answer.headers.get('location')).toBe(`/v1/payments/${body.merchantPaymentId}`);
  const workflowId = paymentWorkflowId(merchant.merchantId, body.merchantPaymentId);
  const handle = stack.temporal.workflow.getHandle(workflowId);
  const look = async () => (await merchant.call('GET', `/v1/payments/${body.merchantPaymentId}`)).body;
  // On a busy machine the till's time is over before the code is taken: a cancel now would find nothing yet.
  await until('the payment to wait for its issuer', async () => (await look()).fundingSource === 'PAY_LATER');
  return { payer, accountRef, body, handle, look };
}

async function breaksOf(paymentId: unknown): Promise<number | null> {
  return (
    await stack.pool.query(
      `select 1 from reconciliation_break where payment_id = $1 and class = 'unknown_outcome'`,
      [paymentId],
    )
  ).rowCount;
}

async function untilAwaiting(
  handle: Awaited<ReturnType<typeof givenUnknownPayment>>['handle'],
): Promise<void> {
  await until('the operator to be asked', async () => {
    const { typedSearchAttributes } = await handle.describe();
    return typedSearchAttributes.get(AWAITING_OPERATOR) === true;
  });
}

describe('a payment whose issuer is silent', () => {
  it('for three days is in progress, told again under the same id, and completed when it speaks', async () => {
    const { payer, accountRef, body, handle, look } = await givenUnknownPayment();
    await environment.sleep('3 days');
    expect((await look()).status).toBe('IN_PROGRESS');
    const again = await merchant.call('POST', '/v1/payments', body);
    expect(again).toMatchObject({ status: 202, body: { status: 'IN_PROGRESS' } });
    await issuer.setFaults();
    expect(await handle.result()).toMatchObject({ status: 'COMPLETED', fundingSource: 'PAY_LATER' });
    expect(await issuer.accountOf(accountRef)).toMatchObject({ captured: 1_000, reserved: 0 });
    const events = await stack.pool.query<{ kind: string }>(
      'select kind from user_event where user_id = $1 order by seq',
      [payer.userId],
    );
    expect(events.rows.map((it) => it.kind)).toEqual(['payment.in_progress', 'payment.completed']);
  });

  it('for five days becomes a break and waits for an operator, whose no gives back what was reserved', async () => {
    const { accountRef, handle, look } = await givenUnknownPayment();
    await environment.sleep('6 days');
    await untilAwaiting(handle);
    const { paymentId, status } = await look();
    expect(status).toBe('IN_PROGRESS');
    expect(await breaksOf(paymentId)).toBe(1);
    await issuer.setFaults();
    await handle.signal(resolveUnknown, { operator: 'mei', action: 'DECLINED', reason: 'issuer lost it' });
    expect(await handle.result()).toMatchObject({ status: 'DECLINED', declineCode: 'CREDIT_DECLINED' });
    expect(await issuer.accountOf(accountRef)).toMatchObject({ used: 0 });
    // The word has resolved its break, and the void what it gave back is told.
    const breaks = await stack.pool.query(
      'select class, resolver, resolution from reconciliation_break where payment_id = $1 order by class desc',
      [paymentId],
    );
    expect(breaks.rows).toEqual([
      { class: 'unknown_outcome', resolver: 'mei', resolution: 'DECLINED: issuer lost it' },
      { class: 'late', resolver: null, resolution: null },
    ]);
  });

  it('for five days is completed by the operator who learnt that it was authorised', async () => {
    const { accountRef, handle } = await givenUnknownPayment();
    await environment.sleep('6 days');
    await untilAwaiting(handle);
    await issuer.setFaults();
    await handle.signal(resolveUnknown, {
      operator: 'mei',
      action: 'AUTHORISED',
      reason: 'seen in their books',
    });
    expect(await handle.result()).toMatchObject({ status: 'COMPLETED' });
    expect(await issuer.accountOf(accountRef)).toMatchObject({ captured: 1_000 });
  });

  it('for five days is decided by its own answer, when an operator has it asked again', async () => {
    const { accountRef, handle, look } = await givenUnknownPayment();
    await environment.sleep('6 days');
    await untilAwaiting(handle);
    await handle.signal(askIssuerNow);
    const { void: key } = paymentOperationKeys(merchant.merchantId, String((await look()).merchantPaymentId));
    expect((await look()).status).toBe('IN_PROGRESS');
    // A look that will be in vain is on its way when somebody asks for the next one.
    await until(
      'the look-up to end',
      async () => (await handle.describe()).raw.pendingActivities?.length === 0,
    );
    await issuer.setFaults({ operation: 'LOOK_UP', fault: 'TIME_OUT_BEFORE', times: 1 });
    await handle.signal(askIssuerNow);
    await until('a look-up', async () => (await handle.describe()).raw.pendingActivities?.length === 1);
    await issuer.setFaults();
    await handle.signal(askIssuerNow);
    expect(await handle.result()).toMatchObject({ status: 'COMPLETED' });
    expect(await issuer.accountOf(accountRef)).toMatchObject({ captured: 1_000 });
    expect(await issuer.stored(key)).toBeUndefined();
    const breaks = await stack.pool.query('select resolver from reconciliation_break');
    expect(breaks.rows).toEqual([{ resolver: 'issuer' }]);
  });

  it('and that the till cancels meanwhile ends canceled, with nothing reserved or paid', async () => {
    const { payer, accountRef, body, handle, look } = await givenUnknownPayment();
    for (let i = 0; i < 2; i += 1) {
      const cancel = await merchant.call('POST', `/v1/payments/${body.merchantPaymentId}/cancel`, {});
      expect(cancel).toMatchObject({ status: 202, body: { status: 'IN_PROGRESS' } });
    }
    // Nothing is given back while nobody knows.
    const { void: key } = paymentOperationKeys(merchant.merchantId, body.merchantPaymentId);
    expect(await issuer.stored(key)).toBeUndefined();
    await issuer.setFaults();
    expect(await handle.result()).toMatchObject({ status: 'CANCELED' });
    expect(await issuer.accountOf(accountRef)).toMatchObject({ used: 0 });
    expect((await look()).status).toBe('CANCELED');
    const cancel = await merchant.call('POST', `/v1/payments/${body.merchantPaymentId}/cancel`, {});
    expect(cancel).toMatchObject({ status: 200, body: { status: 'CANCELED' } });
    const moved = await stack.pool.query('select 1 from entry where account_id like $1', [
      `merchant:${merchant.merchantId}:%`,
    ]);
    expect(moved.rowCount).toBe(0);
    expect(await payer.balance()).toBe(0);
  });
});

/** An offline payment of 1,000 on credit whose capture the issuer neither confirms nor knows of. */
async function givenUncapturedOffline() {
  const { payer, accountRef } = await givenCreditOrder(stack, issuer, { issuerId, amount: 1_000 });
  await payer.call('PUT', '/v1/offline-preference', { fundingSource: 'PAY_LATER' });
  const phone = await givenOfflinePhone(payer);
  const step = await lastStep();
  const body = paymentBody({ code: await phone.code(step), amount: 1_000 });
  const path = `/v1/payments/${body.merchantPaymentId}`;
  return {
    accountRef,
    handle: stack.temporal.workflow.getHandle(paymentWorkflowId(merchant.merchantId, body.merchantPaymentId)),
    pay: () => merchant.call('POST', '/v1/payments', body),
    look: async () => (await merchant.call('GET', path)).body,
    /** The phone's journal covers the payment and lacks it. */
    dispute: () => phone.journal({ steps: [], fromStep: step, toStep: step }),
  };
}

describe('a dispute while the capture is unknown', () => {
  const silent = [
    { operation: 'CAPTURE', fault: 'ERROR_500', times: 1_000 },
    { operation: 'LOOK_UP', fault: 'ERROR_500', times: 1_000 },
  ] as const;

  it('that comes after its deadline, to a workflow still open for its issuer, is put before an operator', async () => {
    const { accountRef, handle, pay, look, dispute } = await givenUncapturedOffline();
    await issuer.setFaults({ operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 }, ...silent);
    expect((await pay()).status).toBe(202);
    await until(
      'the payment to wait for its issuer',
      async () => (await look()).fundingSource === 'PAY_LATER',
    );
    await environment.sleep('6 days');
    await untilAwaiting(handle);
    await handle.signal(resolveUnknown, { operator: 'mei', action: 'AUTHORISED', reason: 'they said so' });
    await until('the decision', async () => (await look()).status === 'COMPLETED');
    await environment.sleep('2 days');
    await until('the deadline', async () => (await look()).reconciliation === 'UNCONFIRMED');
    expect((await handle.describe()).status.name).toBe('RUNNING');
    expect((await dispute()).status).toBe(200);
    await untilAwaiting(handle);
    await handle.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'stolen' });
    await until('the word to be carried out', async () => (await look()).reconciliation === 'RESOLVED');
    await issuer.setFaults();
    expect(await handle.result()).toMatchObject({ status: 'REFUNDED', reconciliation: 'RESOLVED' });
    expect((await issuer.accountOf(accountRef)).used).toBe(0);
  });

  it("has the payment's own capture asked and the dispute's by one `askIssuerNow`", async () => {
    const { accountRef, handle, pay, look, dispute } = await givenUncapturedOffline();
    await issuer.setFaults(...silent);
    await pay();
    await until('the decision', async () => (await look()).status === 'COMPLETED');
    await dispute();
    await untilAwaiting(handle);
    await handle.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'stolen' });
    await until('the word to be carried out', async () => (await look()).reconciliation === 'RESOLVED');
    // Both wait for a day now.
    await environment.sleep('3 hours');
    await issuer.setFaults();
    const signalledAtMs = await environment.currentTimeMs();
    await handle.signal(askIssuerNow);
    expect(await handle.result()).toMatchObject({ status: 'REFUNDED' });
    expect(Number((await handle.describe()).closeTime) - signalledAtMs).toBeLessThan(3_600_000);
    expect((await issuer.accountOf(accountRef)).used).toBe(0);
  });
});
