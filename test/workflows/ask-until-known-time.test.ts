import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ISSUER_RETRY, paymentOperationKeys, type IssuerCall } from '../../domain/credit/credit.ts';
import type { IssuerFault } from '../../partners/issuer/schemas.ts';
import { askIssuerNow } from '../../workflows/issuer/contract.ts';
import { makeAskBundle, type AskBundle } from '../support/ask-bundle.ts';
import type { Asked } from '../support/ask-workflow.ts';
import { connectIssuer, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { createTimeSkippingServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';

/** Five days pass in seconds here. A server a test, as in time.test.ts. */
let environment: TestWorkflowEnvironment;
let bundle: AskBundle;
let stack: Stack;
let issuer: TestIssuer;
let call: IssuerCall;

beforeEach(async () => {
  environment = await createTimeSkippingServer();
  bundle = await makeAskBundle();
  stack = await startStack({ environment, workers: 0, bundlePath: bundle.path });
  await stack.startWorker({ issuerTimeoutMs: 1_000 });
  issuer = await startIssuer(stack.databaseUrl);
  call = {
    issuerId: await connectIssuer(stack, issuer),
    key: paymentOperationKeys('m', 'p').authorise,
    operation: 'AUTHORISE',
    accountRef: await issuer.account(1_000),
    amount: 100,
    currency: 'JPY',
  };
});
afterEach(async () => {
  await stack.stop();
  await issuer.close();
  await bundle.remove();
  await environment.teardown();
});

const forEver = (operation: IssuerFault['operation'], fault: IssuerFault['fault']): IssuerFault => ({
  operation,
  fault,
  times: 1_000_000,
});

async function startAsking() {
  const handle = await stack.temporal.workflow.start<(it: IssuerCall) => Promise<Asked>>('ask', {
    workflowId: call.key,
    taskQueue: stack.taskQueue,
    args: [call],
  });
  const timers = async (): Promise<{ startedMs: number[]; canceled: number }> => {
    const events = (await handle.fetchHistory()).events ?? [];
    return {
      startedMs: events.flatMap(({ timerStartedEventAttributes: it }) =>
        it?.startToFireTimeout === null || it?.startToFireTimeout === undefined
          ? []
          : [Number(it.startToFireTimeout.seconds) * 1_000 + (it.startToFireTimeout.nanos ?? 0) / 1_000_000],
      ),
      canceled: events.filter((it) => (it.timerCanceledEventAttributes ?? null) !== null).length,
    };
  };
  return { handle, timers };
}

describe('an issuer that does not say what became of an authorisation', () => {
  it('for five days is given up, after every try of the schedule and none more, and nothing was sent a second time', async () => {
    await issuer.setFaults(
      { operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 },
      forEver('LOOK_UP', 'ERROR_500'),
    );
    const { handle, timers } = await startAsking();
    expect(await handle.result()).toEqual({
      outcome: { kind: 'GAVE_UP' },
      unknown: ['no answer within 1 s'],
    });
    expect((await timers()).startedMs).toEqual(ISSUER_RETRY);
    const attempts = await stack.pool.query<{ operation: string; outcome: string }>(
      'select operation, outcome from issuer_attempt order by attempt_id',
    );
    const lookUps = ISSUER_RETRY.map(() => ({ operation: 'LOOK_UP', outcome: 'UNKNOWN' }));
    expect(attempts.rows).toEqual([{ operation: 'AUTHORISE', outcome: 'UNKNOWN' }, ...lookUps]);
    // Unknown is not a no: nothing was taken back.
    expect(await issuer.accountOf(call.accountRef ?? '')).toMatchObject({ used: 100 });
  });

  it('for four days and then does is believed', async () => {
    await issuer.setFaults(
      { operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 },
      forEver('LOOK_UP', 'TIME_OUT_BEFORE'),
    );
    const { handle } = await startAsking();
    await environment.sleep('4 days');
    await issuer.setFaults();
    expect(await handle.result()).toMatchObject({ outcome: { kind: 'DONE' } });
  });

  it('is asked at once when an operator wants to know', async () => {
    await issuer.setFaults(
      { operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 },
      forEver('LOOK_UP', 'ERROR_500'),
    );
    const { handle, timers } = await startAsking();
    await environment.sleep('2 days');
    await until('the wait for the next day', async () => (await timers()).startedMs.at(-1) === 86_400_000);
    await issuer.setFaults();
    await handle.signal(askIssuerNow);
    expect(await handle.result()).toMatchObject({ outcome: { kind: 'DONE' } });
    expect((await timers()).canceled).toBe(1);
  });
});
