import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { confirmRelease, type ReleaseWord } from '../../workflows/parking-settlement/contract.ts';
import {
  givenDriver,
  givenOperator,
  startOperatorServer,
  type GivenOperator,
  type TestOperatorServer,
} from '../support/parking.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { createTimeSkippingServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';

/** Minutes and days pass in seconds here. A server a test, as in time.test.ts. */
let environment: TestWorkflowEnvironment;
let stack: Stack;
let server: TestOperatorServer;
let operator: GivenOperator;

beforeEach(async () => {
  environment = await createTimeSkippingServer();
  stack = await startStack({ environment });
  server = await startOperatorServer();
  operator = await givenOperator(stack, server);
});
afterEach(async () => {
  server.close();
  await stopWithSoundLedger(stack);
  await environment.teardown();
});

const said = (outcome: ReleaseWord['outcome']): ReleaseWord => ({ operator: 'Test', outcome, amount: 500 });

async function givenSilence() {
  server.isDown = true;
  const driver = await givenDriver(stack, operator);
  expect((await driver.settle()).body.state).toBe('PAID');
  return driver;
}

describe('an operator’s server that is down', () => {
  it('for ten minutes: a person lets the driver out, the server hears about it once, nothing goes back', async () => {
    const driver = await givenSilence();
    await environment.sleep('50s');
    expect((await driver.look()).state).toBe('RELEASE_REQUESTED');
    await environment.sleep('15s');
    await driver.untilAwaiting();
    expect((await driver.look()).state).toBe('AWAITING_OPERATOR');
    await driver.handle().signal(confirmRelease, said('RELEASED'));
    const { reference } = await driver.untilState('RELEASED');
    await environment.sleep('9m');
    expect(server.completions).toEqual([]);
    server.isDown = false;
    await environment.sleep('2m');
    await until('the server to hear of it', () => server.completions.length > 0);
    // Once, whatever the time.
    await driver.handle().result();
    expect(server.completions).toEqual([{ settlementId: reference, releasedBy: 'OPERATOR', amount: 500 }]);
    expect(server.opened).toEqual([]);
    expect(server.cancellations).toEqual([]);
    expect(await driver.balance()).toBe(500);
  });

  it('and back before anybody is asked releases the driver itself', async () => {
    const driver = await givenSilence();
    await environment.sleep('20s');
    server.isDown = false;
    await environment.sleep('20s');
    const released = await driver.untilState('RELEASED');
    expect(released.releasedBy).toBe('SERVER');
    expect(server.opened).toEqual([released.reference]);
  });

  it('and back before the person has answered counts first; what the person says then is kept, not obeyed', async () => {
    const driver = await givenSilence();
    await environment.sleep('61s');
    await driver.untilAwaiting();
    server.isDown = false;
    await environment.sleep('20s');
    const { reference } = await driver.untilState('RELEASED');
    await driver.handle().signal(confirmRelease, said('NOT_RELEASED'));
    await until('the word to be kept', async () => {
      const kept = await operator.call<{ answers: { source: string; isObeyed?: boolean }[] }>(
        'GET',
        `/v1/parking/settlements/${reference}`,
      );
      return kept.body.answers.some((it) => it.source === 'OPERATOR' && it.isObeyed === false);
    });
    expect((await driver.look()).state).toBe('RELEASED');
    expect(server.cancellations).toEqual([]);
    expect(await driver.balance()).toBe(500);
  });

  it('and a person who has not released: the server is told not to open before money goes back', async () => {
    const driver = await givenSilence();
    await environment.sleep('61s');
    await driver.untilAwaiting();
    await driver.handle().signal(confirmRelease, said('NOT_RELEASED'));
    await environment.sleep('30s');
    expect(await driver.balance()).toBe(500);
    server.isDown = false;
    expect(await driver.handle().result()).toMatchObject({
      state: 'REFUNDED',
      refund: { reason: 'NOT_RELEASED' },
    });
    expect(server.cancellations).toHaveLength(1);
    expect(server.opened).toEqual([]);
    expect(await driver.balance()).toBe(1_000);
  });

  it('after it had opened: a person who knows nothing of it gives nothing back', async () => {
    const driver = await givenDriver(stack, operator);
    server.losesAnswers = 1;
    server.beforeCompletion = () => {
      if (server.completions.length > 0) server.isDown = true;
    };
    await driver.settle();
    await until('the gate to open', () => server.opened.length === 1);
    server.isDown = true;
    await environment.sleep('61s');
    await driver.untilAwaiting();
    await driver.handle().signal(confirmRelease, said('NOT_RELEASED'));
    await environment.sleep('1m');
    server.beforeCompletion = () => undefined;
    server.isDown = false;
    await environment.sleep('1m');
    const released = await driver.untilState('RELEASED');
    expect(released.releasedBy).toBe('SERVER');
    expect(server.cancellations).toHaveLength(1);
    expect(server.opened).toHaveLength(1);
    expect(await driver.balance()).toBe(500);
  });

  it('and says on its return that the stay had been paid at the machine: the money goes back after all', async () => {
    const driver = await givenSilence();
    server.payAtMachine(driver.sessionId);
    await environment.sleep('61s');
    await driver.untilAwaiting();
    await driver.handle().signal(confirmRelease, said('RELEASED'));
    await driver.untilState('RELEASED');
    server.isDown = false;
    expect(await driver.handle().result()).toMatchObject({
      state: 'REFUNDED',
      refund: { reason: 'ALREADY_SETTLED' },
    });
    expect(await driver.balance()).toBe(1_000);
  });

  it('for more than three days: nothing goes back on silence, only on a person’s word', async () => {
    const driver = await givenSilence();
    await environment.sleep('74h');
    await driver.untilAwaiting();
    expect(await driver.balance()).toBe(500);
    await driver.handle().signal(confirmRelease, said('NOT_RELEASED'));
    expect(await driver.handle().result()).toMatchObject({ state: 'REFUNDED' });
    expect(await driver.balance()).toBe(1_000);
  });
});
