import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parkingMerchantId } from '../../domain/parking/settlement.ts';
import { confirmRelease } from '../../workflows/parking-settlement/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import {
  givenDriver,
  givenOperator,
  startOperatorServer,
  type GivenDriver,
  type GivenOperator,
  type TestOperatorServer,
} from '../support/parking.ts';
import { runNightly } from '../support/reconcile.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** Settlements whose workflow is terminated or reset, wherever they stand: nothing is lost and nothing happens twice. */
let stack: Stack;
let server: TestOperatorServer;
let operator: GivenOperator;
let unattended: GivenOperator;

beforeAll(async () => {
  stack = await startStack();
  server = await startOperatorServer();
  operator = await givenOperator(stack, server);
  unattended = await givenOperator(stack);
});
afterAll(async () => {
  server.close();
  await stopWithSoundLedger(stack);
});

afterEach(() => {
  server.heal();
});

const released = { operator: 'Test', outcome: 'RELEASED', amount: 500 } as const;
const runOf = async (handle: WorkflowHandle): Promise<string> => (await handle.describe()).runId;

describe.each(['a repeat of its request', 'the nightly run'] as const)(
  'a settlement whose workflow was terminated goes on with %s',
  (by) => {
    /** … and with that again finds it running. */
    async function again(driver: GivenDriver, of: GivenOperator): Promise<void> {
      const before = await runOf(driver.handle());
      const call = async () => {
        if (by === 'the nightly run') await runNightly(stack, parkingMerchantId(of.operatorId));
        else expect(await driver.settle()).toMatchObject({ status: 200, body: { state: 'PAID' } });
      };
      await call();
      await until('the next run', async () => (await runOf(driver.handle())) !== before);
      await call();
    }

    it('while the server is being told', async () => {
      const driver = await givenDriver(stack, operator);
      const reference = await driver.settleUnanswered(server);
      await driver.handle().terminate('test');
      server.heal();
      await again(driver, operator);
      await driver.untilState('RELEASED');
      expect(server.opened.filter((it) => it === reference)).toHaveLength(1);
      expect(await driver.balance()).toBe(500);
    });

    it('while a person is asked, who is asked again', async () => {
      const driver = await givenDriver(stack, unattended);
      await driver.settle();
      await driver.untilAwaiting();
      await driver.handle().terminate('test');
      await again(driver, unattended);
      await driver.untilAwaiting();
      await driver.handle().signal(confirmRelease, released);
      expect(await driver.handle().result()).toMatchObject({ state: 'RELEASED', releasedBy: 'OPERATOR' });
      expect(await driver.balance()).toBe(500);
    });

    it('while the driver is on the way out; the server hears nothing more', async () => {
      const driver = await givenDriver(stack, operator);
      await driver.settle();
      const { reference } = await driver.untilState('RELEASED');
      await driver.handle().terminate('test');
      await driver.endStay();
      await again(driver, operator);
      expect(await driver.handle().result()).toMatchObject({ state: 'EXITED' });
      expect(server.heard(reference)).toHaveLength(1);
      const { runId } = await driver.handle().describe();
      await runNightly(stack, parkingMerchantId(operator.operatorId));
      expect(await runOf(driver.handle())).toBe(runId);
    });
  },
);

describe('a settlement whose workflow was terminated', () => {
  it('goes on when the operator’s server speaks by itself', async () => {
    const driver = await givenDriver(stack, operator);
    const reference = await driver.settleUnanswered(server);
    await driver.handle().terminate('test');
    const path = `/v1/parking/settlements/${reference}/confirmations`;
    expect((await operator.call('POST', path, { eventId: 'ev', outcome: 'RELEASED' })).status).toBe(200);
    await driver.untilState('RELEASED');
    expect(await driver.balance()).toBe(500);
  });

  it('goes on when the driver takes it back', async () => {
    const driver = await givenDriver(stack, operator);
    const reference = await driver.settleUnanswered(server);
    await driver.handle().terminate('test');
    expect(await driver.cancel()).toMatchObject({ status: 200, body: { state: 'REFUNDED' } });
    expect(server.opened).not.toContain(reference);
    expect(await driver.balance()).toBe(1_000);
  });

  it('and whose driver a person had let out tells the server of that when it is back, also after the exit', async () => {
    const driver = await givenDriver(stack, operator);
    server.isDown = true;
    await driver.settle();
    await driver.handle().terminate('test');
    // Down for a minute, as the books have it.
    await stack.pool.query(
      `update parking_settlement set paid_at = paid_at - interval '61 seconds' where settlement_id = $1`,
      [driver.settlementId],
    );
    await driver.settle();
    await until('a person to be asked', async () => (await driver.look()).state === 'AWAITING_OPERATOR');
    await driver.untilAwaiting();
    await driver.handle().signal(confirmRelease, released);
    await driver.untilState('RELEASED');
    await driver.endStay();
    await driver.handle().signal('stayEnded');
    const { reference } = await driver.untilState('EXITED');
    await driver.handle().terminate('test');
    const before = await runOf(driver.handle());
    await driver.settle();
    await until('the next run', async () => (await runOf(driver.handle())) !== before);
    server.heal();
    expect(await driver.handle().result()).toMatchObject({ state: 'EXITED' });
    // A last call of the run before may still have been on its way.
    expect(new Set(server.heard(reference).map((it) => it.releasedBy))).toEqual(new Set(['OPERATOR']));
    expect(server.opened).not.toContain(reference);
    expect(await driver.balance()).toBe(500);
  });
});

describe('a driver who wants the money back from a server that is down', () => {
  /** The server has been down for a minute, as the books have it, when the driver asks. */
  async function givenCanceling() {
    const driver = await givenDriver(stack, operator);
    server.isDown = true;
    await driver.settle();
    await driver.handle().terminate('test');
    await stack.pool.query(
      `update parking_settlement set paid_at = paid_at - interval '61 seconds' where settlement_id = $1`,
      [driver.settlementId],
    );
    const canceling = driver.cancel();
    await until('the server to be asked to take it back', async () => {
      const { pendingActivities } = (await driver.handle().describe()).raw;
      return pendingActivities?.some((it) => it.activityType?.name === 'cancelAtOperator');
    });
    await driver.untilAwaiting();
    const { state, cancelRequestedAt, reference } = await driver.look();
    expect(state).toBe('AWAITING_OPERATOR');
    expect(cancelRequestedAt).toBeDefined();
    return { driver, canceling, reference };
  }

  it('does not stand before a shut gate: a person lets them out, and the server hears of that', async () => {
    const { driver, canceling, reference } = await givenCanceling();
    await driver.handle().signal(confirmRelease, released);
    expect(await canceling).toMatchObject({ status: 409, body: { code: 'CONFLICT_STATE' } });
    server.heal();
    await until('the server to hear of it', () => server.heard(reference).length > 0);
    expect(server.heard(reference)[0]).toMatchObject({ releasedBy: 'OPERATOR' });
    expect(server.cancellations).not.toContain(reference);
    expect(await driver.look()).toMatchObject({ state: 'RELEASED', releasedBy: 'OPERATOR' });
    expect(await driver.balance()).toBe(500);
  });

  it('gets it on a person’s word, once the server has been told not to open', async () => {
    const { driver, canceling, reference } = await givenCanceling();
    await driver.handle().signal(confirmRelease, { ...released, outcome: 'NOT_RELEASED' });
    await until('the word to be heard', async () => {
      const { typedSearchAttributes } = await driver.handle().describe();
      return typedSearchAttributes.get(AWAITING_OPERATOR) === false;
    });
    expect(await driver.balance()).toBe(500);
    server.heal();
    expect(await driver.handle().result()).toMatchObject({
      state: 'REFUNDED',
      refund: { reason: 'NOT_RELEASED' },
    });
    expect(await canceling).toMatchObject({ status: 200, body: { state: 'REFUNDED' } });
    expect(server.cancellations).toContain(reference);
    expect(server.opened).not.toContain(reference);
    expect(await driver.balance()).toBe(1_000);
  });
});

describe('a settlement that is reset to any of its steps ends as it had ended', () => {
  async function resetEverywhere(driver: GivenDriver): Promise<void> {
    const handle = driver.handle();
    const ended: unknown = await handle.result();
    const runId = await runOf(handle);
    const { events = [] } = await handle.fetchHistory();
    const steps = events?.filter((it) => it.workflowTaskCompletedEventAttributes != null) ?? [];
    expect(steps.length).toBeGreaterThan(1);
    for (const step of steps) {
      await stack.temporal.workflowService.resetWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: handle.workflowId, runId },
        reason: 'test',
        workflowTaskFinishEventId: step.eventId ?? null,
        requestId: `${runId}-${String(step.eventId)}`,
      });
      expect(await driver.handle().result()).toEqual(ended);
    }
  }

  it('released by its server, and gone', async () => {
    const driver = await givenDriver(stack, operator);
    await driver.settle();
    const { reference } = await driver.untilState('RELEASED');
    await driver.endStay();
    await driver.handle().signal('stayEnded');
    await resetEverywhere(driver);
    expect(server.opened.filter((it) => it === reference)).toHaveLength(1);
    expect(await driver.balance()).toBe(500);
  });

  it('given back, as the machine had been faster', async () => {
    const driver = await givenDriver(stack, operator);
    server.payAtMachine(driver.sessionId);
    await driver.settle();
    await resetEverywhere(driver);
    expect(await driver.balance()).toBe(1_000);
  });

  it('released by a person', async () => {
    const driver = await givenDriver(stack, unattended);
    await driver.settle();
    await driver.untilAwaiting();
    await driver.handle().signal(confirmRelease, { ...released, amount: 1 });
    await driver.handle().signal(confirmRelease, released);
    await resetEverywhere(driver);
    expect(await driver.balance()).toBe(500);
  });
});
