import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { refundOperationKey } from '../../domain/credit/credit.ts';
import type { RefundView } from '../../domain/refund/refund.ts';
import type { IssuerFault } from '../../partners/issuer/schemas.ts';
import { askIssuerNow } from '../../workflows/issuer/contract.ts';
import { refundWorkflowId, resolveRefund } from '../../workflows/refund/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { connectCredit, type CreditSide } from '../support/credit.ts';
import { always } from '../support/issuer.ts';
import { givenMerchant, type GivenMerchant } from '../support/givens.ts';
import { refundBody, refundOf, type RefundBody } from '../support/refunds.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { createTimeSkippingServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';

/** Days pass in seconds here. A server a test: one whose time has been skipped by hand does not always skip again by itself. */
let environment: TestWorkflowEnvironment;
let stack: Stack;
let credit: CreditSide;
let merchant: GivenMerchant;

beforeEach(async () => {
  environment = await createTimeSkippingServer();
  stack = await startStack({ environment, tillDeadlineMs: 2_500 });
  credit = await connectCredit(stack);
  merchant = await givenMerchant(stack);
});
afterEach(async () => {
  expect((await verifyLedger(stack.pool)).breaks).toEqual([]);
  await credit.issuer.close();
  await stack.stop();
  await environment.teardown();
});

/** A refund whose outcome nobody could find out for five days. */
async function givenUp(refundFault: IssuerFault['fault'] | 'DONE') {
  const { payment, accountRef } = await credit.paid(merchant);
  await until('the capture', async () => (await credit.issuer.accountOf(accountRef)).captured === 500);
  const body = refundBody({ amount: 200 });
  const key = refundOperationKey(merchant.merchantId, body.merchantRefundId);
  // Done at the issuer, who does not answer for it; or not done, nor answered for.
  const fault = refundFault === 'DONE' ? 'TIME_OUT_AFTER_COMMIT' : refundFault;
  await credit.issuer.setFaults({ ...always('REFUND', fault), delayMs: 10 }, always('LOOK_UP', 'ERROR_500'));
  expect((await refundOf(merchant, payment, body)).status).toBe(202);
  const handle = stack.temporal.workflow.getHandle(
    refundWorkflowId(merchant.merchantId, body.merchantRefundId),
  );
  // Too early: nobody waits for it.
  await handle.signal(resolveRefund, { operator: 'early', action: 'FAILED', reason: 'impatience' });
  await environment.sleep('6 days');
  await until('the operator to be asked', async () =>
    (await details(handle)).includes('Waits for an operator'),
  );
  return { payment, accountRef, body, handle, key };
}

type Handle = ReturnType<Stack['temporal']['workflow']['getHandle']>;

async function details(handle: Handle): Promise<string> {
  const metadata = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails;
}

async function isAwaitingOperator(handle: Handle): Promise<boolean | undefined> {
  return (await handle.describe()).typedSearchAttributes.get(AWAITING_OPERATOR);
}

async function breakOf(key: string): Promise<Record<string, unknown> | undefined> {
  const found = await stack.pool.query<Record<string, unknown>>(
    `select class, counterpart, ours_amount as amount, resolver, resolution from reconciliation_break where reference = $1`,
    [key],
  );
  expect(found.rows).toHaveLength(1);
  return found.rows[0];
}

async function refundNow(paymentId: string, body: RefundBody): Promise<RefundView> {
  const path = `/v1/payments/${paymentId}/refunds/${body.merchantRefundId}`;
  return (await merchant.call<RefundView>('GET', path)).body;
}

describe('a refund whose outcome the issuer does not tell for five days', () => {
  it('waits for an operator, whose COMPLETED posts it', { timeout: 60_000 }, async () => {
    const { payment, body, handle, key, accountRef } = await givenUp('DONE');
    expect(await isAwaitingOperator(handle)).toBe(true);
    expect(await breakOf(key)).toEqual({
      class: 'unknown_outcome',
      counterpart: 'ISSUER',
      amount: 200,
      resolver: null,
      resolution: null,
    });
    expect((await refundNow(payment.merchantPaymentId, body)).status).toBe('IN_PROGRESS');
    const shown = await details(handle);
    expect(shown).toContain(key);
    const example = /```json\n(.*)\n```/.exec(shown)?.[1] ?? '';

    // What is no word of an operator is shown, and changes nothing.
    for (const nonsense of [
      undefined,
      'yes',
      { action: 'COMPLETED' },
      { operator: 'x', action: 'MAYBE', reason: 'y' },
    ])
      await handle.signal('resolveRefund', nonsense);
    await until('the faults', async () => (await details(handle)).includes('not obeyed'));
    expect((await refundNow(payment.merchantPaymentId, body)).status).toBe('IN_PROGRESS');

    await handle.signal('resolveRefund', JSON.parse(example));
    await handle.signal('resolveRefund', { operator: 'second', action: 'FAILED', reason: 'too late' });
    await handle.result();
    expect(await refundNow(payment.merchantPaymentId, body)).toMatchObject({
      status: 'COMPLETED',
      amount: 200,
    });
    expect(await breakOf(key)).toMatchObject({
      resolver: 'your name',
      resolution: 'COMPLETED: what you found',
    });
    expect(await isAwaitingOperator(handle)).toBe(false);
    expect(await details(handle)).toContain('your name: what you found');
    expect((await credit.issuer.accountOf(accountRef)).captured).toBe(300);
    await credit.expectBooksAgree();
  });

  it('is decided by the issuer when an operator has it asked once more', { timeout: 60_000 }, async () => {
    const { payment, body, handle, key, accountRef } = await givenUp('DONE');
    await credit.issuer.setFaults();
    await handle.signal(askIssuerNow);
    await handle.result();
    expect((await refundNow(payment.merchantPaymentId, body)).status).toBe('COMPLETED');
    expect(await breakOf(key)).toMatchObject({ resolver: 'issuer' });
    expect(await isAwaitingOperator(handle)).toBe(false);
    expect((await credit.issuer.accountOf(accountRef)).captured).toBe(300);
    await credit.expectBooksAgree();
  });

  it('and that an operator ends as FAILED gives its reservation free', { timeout: 60_000 }, async () => {
    const { payment, body, handle, key } = await givenUp('ERROR_500');
    await handle.signal(resolveRefund, { operator: 'aoi', action: 'FAILED', reason: 'not in their books' });
    await handle.result();
    expect(await refundNow(payment.merchantPaymentId, body)).toMatchObject({
      status: 'FAILED',
      failCode: 'REFUND_GIVEN_UP',
    });
    expect(await breakOf(key)).toMatchObject({ resolver: 'aoi', resolution: 'FAILED: not in their books' });
    expect(await refundOf(merchant, payment, body)).toMatchObject({
      status: 422,
      body: { code: 'REFUND_GIVEN_UP' },
    });
    const left = await stack.pool.query<{ remaining: number }>(
      'select payment_remaining(p) as remaining from payment p where payment_id = $1',
      [payment.paymentId],
    );
    expect(left.rows[0]?.remaining).toBe(500);
    await credit.expectBooksAgree();
  });

  it(
    'is COMPLETED if the issuer says so when it is asked after the word FAILED',
    { timeout: 60_000 },
    async () => {
      const { payment, body, handle, key, accountRef } = await givenUp('DONE');
      await credit.issuer.setFaults();
      await handle.signal(resolveRefund, { operator: 'aoi', action: 'FAILED', reason: 'not in their books' });
      await handle.result();
      expect((await refundNow(payment.merchantPaymentId, body)).status).toBe('COMPLETED');
      expect(await breakOf(key)).toMatchObject({ class: 'unknown_outcome', resolver: 'issuer' });
      expect(await breakOf(`word:${key}`)).toMatchObject({ class: 'late', amount: 200, resolver: null });
      expect((await credit.issuer.accountOf(accountRef)).captured).toBe(300);
      await credit.expectBooksAgree();
    },
  );

  it(
    'is COMPLETED at the word, with a break, if the issuer knows nothing of it',
    { timeout: 60_000 },
    async () => {
      const { payment, body, handle, key } = await givenUp('ERROR_500');
      await credit.issuer.setFaults();
      await handle.signal(resolveRefund, { operator: 'aoi', action: 'COMPLETED', reason: 'paid by hand' });
      await handle.result();
      expect((await refundNow(payment.merchantPaymentId, body)).status).toBe('COMPLETED');
      expect(await breakOf(key)).toMatchObject({ resolver: 'aoi' });
      expect(await breakOf(`word:${key}`)).toMatchObject({ class: 'unknown_outcome', resolver: null });
    },
  );

  it('goes on waiting when its workflow is canceled in Temporal', { timeout: 60_000 }, async () => {
    const { payment, body, handle, key } = await givenUp('DONE');
    await handle.cancel();
    await handle.signal(resolveRefund, { operator: 'aoi', action: 'COMPLETED', reason: 'they have' });
    await handle.result();
    expect((await refundNow(payment.merchantPaymentId, body)).status).toBe('COMPLETED');
    expect(await breakOf(key)).toMatchObject({ resolver: 'aoi', resolution: 'COMPLETED: they have' });
    await credit.expectBooksAgree();
  });
});
