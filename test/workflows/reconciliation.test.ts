import { ScheduleOverlapPolicy } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { RECONCILIATION_POLICY, addDays, nightlyDays } from '../../domain/reconciliation/policy.ts';
import { assertDefined } from '../../domain/assert.ts';
import { parkingMerchantId } from '../../domain/parking/settlement.ts';
import { ensureSchedules, reconciliationScheduleId } from '../../workers/schedules.ts';
import {
  booksChanged,
  reconciliationWorkflowId,
  type ReconciliationInput,
  type ReconciliationResult,
} from '../../workflows/reconciliation/contract.ts';
import { forge, testBooks } from '../support/books.ts';
import { createFaultyPool } from '../support/faults.ts';
import { givenMerchant, givenPayer, pay, type GivenMerchant } from '../support/givens.ts';
import { givenDriver, givenOperator, startOperatorServer } from '../support/parking.ts';
import { breaksOf, giveFile, openBreaks } from '../support/reconcile.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const DAY = '2025-06-10';
const NOON = '2025-06-10T03:00:00.000Z';

let stack: Stack;
let runs = 0;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

async function run(input: ReconciliationInput): Promise<{ result: ReconciliationResult; events: number }> {
  const handle = await stack.temporal.workflow.start('reconciliation', {
    workflowId: `reconciliation:test-${stack.taskQueue}-${(runs += 1)}`,
    taskQueue: stack.taskQueue,
    args: [input],
  });
  const result = (await handle.result()) as ReconciliationResult;
  const { events } = await handle.fetchHistory();
  return { result, events: events?.length ?? 0 };
}

const dayOf = (merchant: GivenMerchant): ReconciliationInput => ({
  days: { from: DAY, to: DAY },
  merchantId: merchant.merchantId,
});

describe('the reconciliation of a day', () => {
  it('says every class, the same twice, in a short history without a person in it', async () => {
    const merchant = await givenMerchant(stack);
    const { merchantId } = merchant;
    const books = await testBooks(stack.pool, merchantId);
    const lost = await books.pay(NOON, 100, { merchantPaymentId: 'lost' });
    await books.pay(NOON, 200, { merchantPaymentId: 'differs' });
    await books.pay('2025-06-10T14:59:59.999Z', 300, { merchantPaymentId: 'midnight' });
    await books.pay(NOON, 400, { merchantPaymentId: 'right' });
    const disputed = await books.pay(NOON, 500, { merchantPaymentId: 'disputed' });
    await books.offline(disputed, 'DISPUTED', NOON);
    await forge(
      stack.pool,
      `delete from entry where transfer_id = 'payment:${lost.paymentId}'; delete from transfer where transfer_id = 'payment:${lost.paymentId}'`,
    );
    await giveFile(stack.pool, merchantId, DAY, [
      ['PAYMENT', 'lost', 100],
      ['PAYMENT', 'differs', 250],
      ['PAYMENT', 'right', 400],
      ['PAYMENT', 'disputed', 500],
      ['PAYMENT', 'unknown', 1],
    ]);
    await giveFile(stack.pool, merchantId, '2025-06-11', [['PAYMENT', 'midnight', 300]]);

    const first = await run(dayOf(merchant));
    expect(first.result).toEqual({
      from: DAY,
      to: DAY,
      merchants: 1,
      days: 1,
      opened: 5,
      resolved: 0,
      open: { missing_ours: 1, missing_theirs: 2, amount_differs: 1, late: 1 },
    });
    expect(first.events).toBeLessThanOrEqual(11);
    const before = await breaksOf(stack.pool, merchantId);
    const second = await run(dayOf(merchant));
    expect(second.result).toEqual({ ...first.result, opened: 0 });
    expect(await breaksOf(stack.pool, merchantId)).toEqual(before);
  });

  it('finds nothing wrong with payments that were really made', async () => {
    const merchant = await givenMerchant(stack);
    const payer = await givenPayer(stack, { balance: 10_000 });
    for (const amount of [100, 200, 300])
      expect((await pay(merchant, { code: await payer.code(), amount })).body.status).toBe('COMPLETED');
    // Today becomes yesterday: the day must be over to be compared.
    const today = new Intl.DateTimeFormat('sv', { timeZone: 'Asia/Tokyo' }).format(Date.now());
    const open = await run({ days: { from: today, to: today }, merchantId: merchant.merchantId });
    expect(open.result).toMatchObject({ merchants: 1, days: 0, open: {} });
    await forge(
      stack.pool,
      `update payment set decided_at = decided_at - interval '1 day' where merchant_id = '${merchant.merchantId}';
       update entry set posted_at = posted_at - interval '1 day'
        where transfer_id in (select transfer_id from payment where merchant_id = '${merchant.merchantId}')`,
    );
    const yesterday = addDays(today, -1);
    const over = await run({ days: { from: yesterday, to: yesterday }, merchantId: merchant.merchantId });
    expect(over.result).toMatchObject({ days: 1, opened: 0, open: {} });
  });

  it('covers what parking operators were paid and gave back, and finds what is lost of it', async () => {
    const server = await startOperatorServer();
    const operator = await givenOperator(stack, server);
    const merchantId = parkingMerchantId(operator.operatorId);
    const [kept, given] = [await givenDriver(stack, operator), await givenDriver(stack, operator)];
    server.payAtMachine(given.sessionId);
    await kept.settle();
    await given.settle();
    const { reference } = await kept.untilState('RELEASED');
    await given.untilState('REFUNDED');
    server.close();
    const mine = `in (select transfer_id from payment where merchant_id = '${merchantId}'
                      union select transfer_id from refund where merchant_id = '${merchantId}')`;
    const day = "interval '1 day'";
    await forge(
      stack.pool,
      `update payment set decided_at = decided_at - ${day} where merchant_id = '${merchantId}';
       update refund set decided_at = decided_at - ${day} where merchant_id = '${merchantId}';
       update entry set posted_at = posted_at - ${day} where transfer_id ${mine}`,
    );
    const yesterday = addDays(
      new Intl.DateTimeFormat('sv', { timeZone: 'Asia/Tokyo' }).format(Date.now()),
      -1,
    );
    const compare = () => run({ days: { from: yesterday, to: yesterday }, merchantId });
    expect((await compare()).result).toMatchObject({ days: 1, opened: 0, open: {} });
    await forge(
      stack.pool,
      `delete from entry where transfer_id = (select transfer_id from payment where merchant_payment_id = '${reference}');
       delete from transfer where transfer_id = (select transfer_id from payment where merchant_payment_id = '${reference}')`,
    );
    expect((await compare()).result).toMatchObject({ opened: 1 });
    expect((await openBreaks(stack.pool, merchantId)).join()).toMatch(
      /^LEDGER missing_theirs payment:pay_\w+$/,
    );
  });

  it('compares once more when a file comes while it runs, and again after it has ended', async () => {
    const merchant = await givenMerchant(stack);
    const { merchantId } = merchant;
    const books = await testBooks(stack.pool, merchantId);
    await books.pay(NOON, 500, { merchantPaymentId: 'o1' });
    await giveFile(stack.pool, merchantId, DAY, []);
    const tell = () =>
      stack.temporal.workflow.signalWithStart('reconciliation', {
        workflowId: reconciliationWorkflowId(DAY, merchantId),
        taskQueue: stack.taskQueue,
        args: [dayOf(merchant)],
        signal: booksChanged,
        signalArgs: [],
      });
    await Promise.all([tell(), tell(), tell()]);
    await until('it is missing there', async () => (await openBreaks(stack.pool, merchantId)).length === 1);
    await giveFile(stack.pool, merchantId, DAY, [['PAYMENT', 'o1', 500]]);
    const handle = await tell();
    await handle.result();
    expect(await openBreaks(stack.pool, merchantId)).toEqual([]);
  });

  it('goes on at the merchant where it was when Postgres went away', async () => {
    const faulty = await startStack({ workers: 0 });
    try {
      const faults = createFaultyPool(faulty.pool);
      const merchants = [];
      for (let i = 0; i < 5; i += 1) merchants.push(await givenMerchant(faulty));
      // The counts come last: by then the heartbeats have told how far the run is.
      faults.loseAnswers('reconciliation_count_open', 1);
      await faulty.startWorker({ pool: faults.pool });
      const result = (await faulty.temporal.workflow.execute('reconciliation', {
        workflowId: `reconciliation:test-${faulty.taskQueue}`,
        taskQueue: faulty.taskQueue,
        args: [{ days: { from: DAY, to: DAY } }],
      })) as ReconciliationResult;
      expect(result).toMatchObject({ merchants: 5, days: 5, opened: 0, open: {} });
      expect(faults.asked('reconciliation_count_open')).toBe(2);
      expect(faults.asked('reconciliation_days')).toBeLessThanOrEqual(6);
    } finally {
      await faulty.stop();
    }
  });
});

describe('the nightly run', () => {
  it('looks back as far as something can still arrive, and leaves out what has no news', async () => {
    const quiet = await startStack();
    try {
      const merchant = await givenMerchant(quiet);
      const nightly = (name: string): Promise<ReconciliationResult> =>
        quiet.temporal.workflow.execute('reconciliation', {
          workflowId: `reconciliation:test-${quiet.taskQueue}-${name}`,
          taskQueue: quiet.taskQueue,
          args: [{}],
        }) as Promise<ReconciliationResult>;
      const first = await nightly('first');
      expect(first).toMatchObject({ merchants: 1, days: RECONCILIATION_POLICY.lookBackDays });
      expect(await nightly('second')).toMatchObject({ days: 0 });
      await giveFile(quiet.pool, merchant.merchantId, addDays(first.to, -3), [['PAYMENT', 'unknown', 1]]);
      expect(await nightly('third')).toMatchObject({ days: 5, opened: 1, open: { missing_ours: 1 } });
      // The open break is looked at again until it is gone.
      expect(await nightly('fourth')).toMatchObject({ days: 1, opened: 0, open: { missing_ours: 1 } });
    } finally {
      await quiet.stop();
    }
  });

  it('opens breaks for orphans of days long past, and resolves them when they are gone', async () => {
    const quiet = await startStack();
    try {
      const { merchantId } = await givenMerchant(quiet);
      const books = await testBooks(quiet.pool, merchantId);
      const overdue = await books.pay(NOON, 500, { merchantPaymentId: 'overdue' });
      await books.offline(overdue, 'PENDING', NOON);
      await quiet.pool.query(`update payment set reconcile_until = '2025-06-17T03:00:00Z'`);
      const nightly = (name: string) =>
        quiet.temporal.workflow.execute('reconciliation', {
          workflowId: `reconciliation:test-${quiet.taskQueue}-${name}`,
          taskQueue: quiet.taskQueue,
          args: [{}],
        });
      const days = RECONCILIATION_POLICY.lookBackDays + 1;
      expect(await nightly('first')).toMatchObject({ days, opened: 1 });
      expect(await openBreaks(quiet.pool, merchantId)).toEqual(['DEVICE_JOURNAL late PAYMENT overdue']);
      await books.offline(overdue, 'MATCHED', new Date().toISOString());
      expect(await nightly('second')).toMatchObject({ days: 1, resolved: 1 });
      expect(await openBreaks(quiet.pool, merchantId)).toEqual([]);
      expect(await nightly('third')).toMatchObject({ days: 0 });
    } finally {
      await quiet.stop();
    }
  });

  it('is scheduled by the worker’s start: created, then brought up to date, and it runs', async () => {
    const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
    const schedule = stack.temporal.schedule.getHandle(reconciliationScheduleId(stack.taskQueue));
    try {
      expect(await ensureSchedules(connection, 'default', stack.taskQueue)).toBe('created');
      await schedule.pause('by hand');
      expect(await ensureSchedules(connection, 'default', stack.taskQueue)).toBe('updated');
      const found = await schedule.describe();
      expect(found.state.paused).toBe(true);
      expect(found.policies).toMatchObject({
        overlap: ScheduleOverlapPolicy.SKIP,
        catchupWindow: 20 * 3_600_000,
      });
      const next = assertDefined(found.info.nextActionTimes[0]);
      expect(next.toISOString()).toMatch(/T19:00:00.000Z$/);
      await schedule.trigger();
      const started = await until('a run', async () => (await schedule.describe()).info.recentActions[0]);
      const { workflowId } = started.action.workflow;
      expect(workflowId).toMatch(/^reconciliation-\d{4}-/);
      const result = (await stack.temporal.workflow.getHandle(workflowId).result()) as ReconciliationResult;
      expect(result.to).toBe(nightlyDays(Date.now()).to);
    } finally {
      await schedule.delete();
      await connection.close();
    }
  });
});
