import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { repaymentOperationKey } from '../../domain/credit/credit.ts';
import { resolveRepayment } from '../../workflows/repayment/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { always } from '../support/issuer.ts';
import { connectRepay, type GivenDebt, type RepaySide } from '../support/repayments.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { createTimeSkippingServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';

/** Days pass in seconds here. A server a test, as in refund-time.test.ts. */
let environment: TestWorkflowEnvironment;
let stack: Stack;
let side: RepaySide;
let debt: GivenDebt;

beforeEach(async () => {
  environment = await createTimeSkippingServer();
  stack = await startStack({ environment, tillDeadlineMs: 2_500 });
  side = await connectRepay(stack, await environment.currentTimeMs());
  debt = await side.givenDebt();
  await until('the first message', async () => (await debt.now()).contacts.length === 1);
});
afterEach(async () => {
  expect((await verifyLedger(stack.pool)).breaks).toEqual([]);
  await side.expectBooksAgree();
  await side.issuer.close();
  await stack.stop();
  await environment.teardown();
});

type Handle = ReturnType<GivenDebt['handle']>;

async function details(handle: Handle): Promise<string> {
  const metadata = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails;
}

async function isAwaitingOperator(handle: Handle): Promise<boolean | undefined> {
  return (await handle.describe()).typedSearchAttributes.get(AWAITING_OPERATOR);
}

async function theBreak(): Promise<Record<string, unknown> | undefined> {
  const found = await stack.pool.query<Record<string, unknown>>(
    'select class, resolver, resolution from reconciliation_break where reference = $1',
    [repaymentOperationKey(side.issuerId, debt.debtId, 'slow')],
  );
  expect(found.rows).toHaveLength(1);
  return found.rows[0];
}

/** A repayment whose outcome nobody could find out for five days. */
async function givenUp(isDone: boolean): Promise<Handle> {
  const fault = isDone ? 'TIME_OUT_AFTER_COMMIT' : 'ERROR_500';
  await side.issuer.setFaults({ ...always('REPAYMENT', fault), delayMs: 10 }, always('LOOK_UP', 'ERROR_500'));
  expect((await debt.pay({ repaymentId: 'slow', amount: 600 })).status).toBe(202);
  const handle = debt.handle('slow');
  // Too early: nobody waits for it.
  await handle.signal(resolveRepayment, { operator: 'early', action: 'FAILED', reason: 'impatience' });
  await environment.sleep('6 days');
  await until('the operator to be asked', async () =>
    (await details(handle)).includes('Waits for an operator'),
  );
  expect(await isAwaitingOperator(handle)).toBe(true);
  expect(await theBreak()).toEqual({ class: 'unknown_outcome', resolver: null, resolution: null });
  expect(await debt.balance()).toEqual({ amount: 5_000, held: 600 });
  const { state, contacts, deferrals } = await debt.now();
  expect(state).toBe('REPAYING');
  expect(contacts).toHaveLength(1);
  expect(deferrals.map((it) => it.reason)).toContain('REPAYMENT_UNDER_WAY');
  return handle;
}

describe('a repayment whose outcome the issuer does not tell for five days', () => {
  it(
    'waits for an operator, the campaign with it; COMPLETED moves the money',
    { timeout: 60_000 },
    async () => {
      const handle = await givenUp(true);
      const shown = await details(handle);
      for (const nonsense of [undefined, 'yes', { operator: 'x', action: 'MAYBE', reason: 'y' }])
        await handle.signal('resolveRepayment', nonsense);
      await until('the faults', async () => (await details(handle)).includes('not obeyed'));
      await handle.signal('resolveRepayment', JSON.parse(/```json\n(.*)\n```/.exec(shown)?.[1] ?? ''));
      await handle.result();
      expect(await debt.balance()).toEqual({ amount: 4_400, held: 0 });
      expect(await theBreak()).toMatchObject({
        resolver: 'your name',
        resolution: 'COMPLETED: what you found',
      });
      expect(await isAwaitingOperator(handle)).toBe(false);
      await until('the campaign', async () => (await debt.now()).state === 'CONTACTED');
      expect((await debt.now()).remainingAmount).toBe(400);
    },
  );

  it(
    'and that an operator ends as FAILED: the money is back and the campaign goes on',
    { timeout: 60_000 },
    async () => {
      const handle = await givenUp(false);
      await handle.signal(resolveRepayment, {
        operator: 'aoi',
        action: 'FAILED',
        reason: 'not in their books',
      });
      await handle.result();
      expect(await debt.balance()).toEqual({ amount: 5_000, held: 0 });
      expect((await debt.pay({ repaymentId: 'slow', amount: 600 })).body.code).toBe('REPAYMENT_GIVEN_UP');
      expect(await theBreak()).toMatchObject({ resolver: 'aoi', resolution: 'FAILED: not in their books' });
      await until('the campaign', async () => (await debt.now()).state === 'CONTACTED');
      await environment.sleep('2 days');
      await until('the next message', async () => (await debt.now()).contacts.length > 1);
    },
  );

  it('and that the operator has asked again ends by the answer', { timeout: 60_000 }, async () => {
    const handle = await givenUp(true);
    await side.issuer.setFaults();
    await handle.signal('askIssuerNow');
    await handle.result();
    expect(await debt.balance()).toEqual({ amount: 4_400, held: 0 });
    expect(await theBreak()).toMatchObject({
      resolver: 'issuer',
      resolution: 'COMPLETED: the issuer has it',
    });
    expect(await isAwaitingOperator(handle)).toBe(false);
  });

  it(
    'and of which the issuer tells by itself in the end needs no operator',
    { timeout: 60_000 },
    async () => {
      const handle = await givenUp(true);
      await side.issuer.setFaults();
      expect((await debt.tell('slow', 600)).body).toMatchObject({ remainingAmount: 400 });
      await handle.result();
      expect(await debt.balance()).toEqual({ amount: 4_400, held: 0 });
      expect(await theBreak()).toMatchObject({ resolver: 'issuer' });
    },
  );

  it(
    'and that an operator ends as FAILED although the issuer has it is COMPLETED, with a break',
    { timeout: 60_000 },
    async () => {
      const handle = await givenUp(true);
      await side.issuer.setFaults();
      await handle.signal(resolveRepayment, { operator: 'aoi', action: 'FAILED', reason: 'not there' });
      await handle.result();
      expect(await debt.balance()).toEqual({ amount: 4_400, held: 0 });
      const found = await stack.pool.query(
        'select class, resolver from reconciliation_break where issuer_id = $1 order by class',
        [side.issuerId],
      );
      expect(found.rows).toEqual([
        { class: 'late', resolver: null },
        { class: 'unknown_outcome', resolver: 'issuer' },
      ]);
    },
  );

  it('goes on waiting when its workflow is canceled in Temporal', { timeout: 60_000 }, async () => {
    const handle = await givenUp(true);
    await handle.cancel();
    await handle.signal(resolveRepayment, { operator: 'aoi', action: 'COMPLETED', reason: 'they have' });
    await handle.result();
    expect(await debt.balance()).toEqual({ amount: 4_400, held: 0 });
    expect(await theBreak()).toMatchObject({ resolver: 'aoi' });
  });
});
