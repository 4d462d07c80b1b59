import { randomBytes } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it, type TestContext } from 'vitest';
import {
  paymentOperationKeys,
  type IssuerCall,
  type IssuerOperation,
  type IssuerOutcome,
} from '../../domain/credit/credit.ts';
import { makeAskBundle, type AskBundle } from '../support/ask-bundle.ts';
import type { Asked } from '../support/ask-workflow.ts';
import { apiClient } from '../support/client.ts';
import { createTestDatabase } from '../support/database.ts';
import { uniqueId } from '../support/givens.ts';
import { connectIssuer, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { startProgram } from '../support/program.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** Short, so that a fault does not take five seconds. */
const TIMEOUT_MS = 1_000;
/** Longer than that: the issuer does it when nobody waits any more. */
const LATE_MS = 2_500;

let bundle: AskBundle;
let stack: Stack;

beforeAll(async () => {
  bundle = await makeAskBundle();
  stack = await startStack({ workers: 0, bundlePath: bundle.path });
  await stack.startWorker({ issuerTimeoutMs: TIMEOUT_MS });
});
afterAll(async () => {
  await stack.stop();
  await bundle.remove();
});

/** What moves a credit line; of repayments, test/workflows/repayment-faults.test.ts. */
type Operation = Exclude<IssuerOperation, 'REPAYMENT'>;

/** An issuer with books of its own, an authorisation of 500 that is captured, and keys for more. */
interface Given {
  readonly issuer: TestIssuer;
  readonly issuerId: string;
  readonly accountRef: string;
  /** The operation on something where it is possible. */
  readonly callOf: (operation: Operation) => IssuerCall;
  readonly start: (call: IssuerCall) => Promise<WorkflowHandle<(call: IssuerCall) => Promise<Asked>>>;
  readonly run: (call: IssuerCall) => Promise<Asked>;
}

async function givenIssuer({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): Promise<Given> {
  const database = await createTestDatabase();
  const issuer = await startIssuer(database.url);
  onTestFinished(async () => {
    await issuer.close();
    await database.drop();
  });
  const issuerId = await connectIssuer(stack, issuer);
  const accountRef = await issuer.account(10_000);
  const fresh = paymentOperationKeys('m', uniqueId('p'));
  const authorised = paymentOperationKeys('m', uniqueId('p'));
  const captured = paymentOperationKeys('m', uniqueId('p'));
  const base = { issuerId, amount: 500, currency: 'JPY' };
  const calls: Record<Operation, IssuerCall> = {
    AUTHORISE: { ...base, key: fresh.authorise, operation: 'AUTHORISE', accountRef },
    CAPTURE: {
      ...base,
      key: authorised.capture,
      operation: 'CAPTURE',
      authorisationKey: authorised.authorise,
    },
    VOID: { ...base, key: captured.void, operation: 'VOID', authorisationKey: captured.authorise },
    REFUND: {
      ...base,
      key: `refund:m:${uniqueId('r')}:refund`,
      operation: 'REFUND',
      authorisationKey: captured.authorise,
    },
  };
  const start: Given['start'] = (call) =>
    stack.temporal.workflow.start<(call: IssuerCall) => Promise<Asked>>('ask', {
      workflowId: `${issuerId}:${call.key}`,
      taskQueue: stack.taskQueue,
      args: [call],
    });
  const run: Given['run'] = async (call) => (await start(call)).result();
  await run({ ...base, key: authorised.authorise, operation: 'AUTHORISE', accountRef });
  await run({ ...base, key: captured.authorise, operation: 'AUTHORISE', accountRef });
  await run({
    ...base,
    key: captured.capture,
    operation: 'CAPTURE',
    authorisationKey: captured.authorise,
  });
  return { issuer, issuerId, accountRef, callOf: (operation) => calls[operation], start, run };
}

/** What the account uses and what of that is captured: first before, then after each operation. */
const BEFORE = { used: 1_000, captured: 500 };
const AFTER: Record<Operation, { used: number; captured: number }> = {
  AUTHORISE: { used: 1_500, captured: 500 },
  CAPTURE: { used: 1_000, captured: 1_000 },
  VOID: { used: 500, captured: 0 },
  REFUND: { used: 500, captured: 0 },
};

const CALL_FAULTS = [
  'TIME_OUT_AFTER_COMMIT',
  'TIME_OUT_BEFORE',
  'ERROR_500',
  'SLOW',
  'NOT_FOUND',
  'DECLINE',
] as const;
const LOOK_UP_FAULTS = [
  'TIME_OUT_BEFORE',
  'TIME_OUT_AFTER_COMMIT',
  'ERROR_500',
  'SLOW',
  'NOT_FOUND',
] as const;
type CallFault = (typeof CALL_FAULTS)[number];
type LookUpFault = (typeof LOOK_UP_FAULTS)[number];

/** How each ends; of whole payments, at every step, docs/unknown-outcomes.md and credit-faults.test.ts. */
function endOf(
  operation: Operation,
  atCall: CallFault,
  atLookUp: LookUpFault | undefined,
): IssuerOutcome['kind'] {
  if (atCall === 'DECLINE') return 'REFUSED';
  if (operation !== 'AUTHORISE') return 'DONE';
  return atCall === 'TIME_OUT_AFTER_COMMIT' && atLookUp !== 'NOT_FOUND' ? 'DONE' : 'NOT_FOUND';
}

/** Each fault of a call and of a look-up for what ends when nothing is found, each of a look-up for what must happen. */
const TABLE: { operation: Operation; atCall: CallFault; atLookUp: LookUpFault | undefined }[] = [
  ...CALL_FAULTS.map((atCall) => ({ operation: 'AUTHORISE' as const, atCall, atLookUp: undefined })),
  ...(['AUTHORISE', 'CAPTURE'] as const).flatMap((operation) =>
    LOOK_UP_FAULTS.map((atLookUp) => ({
      operation,
      atCall: 'TIME_OUT_AFTER_COMMIT' as const,
      atLookUp,
    })),
  ),
];

describe('an issuer that fails', () => {
  it.concurrent.for(TABLE)(
    '$operation, $atCall, look-up $atLookUp: the end is known, and once',
    { timeout: 60_000 },
    async ({ operation, atCall, atLookUp }, test) => {
      const given = await givenIssuer(test);
      const { issuer, accountRef } = given;
      expect(await issuer.accountOf(accountRef)).toMatchObject(BEFORE);
      const delayMs = atCall === 'SLOW' || atLookUp === 'SLOW' ? { delayMs: LATE_MS } : {};
      await issuer.setFaults(
        { operation, fault: atCall, times: 1, ...delayMs },
        ...(atLookUp === undefined
          ? []
          : [{ operation: 'LOOK_UP' as const, fault: atLookUp, times: 1, ...delayMs }]),
      );
      const call = given.callOf(operation);
      const { outcome, unknown } = await given.run(call);
      const end = endOf(operation, atCall, atLookUp);
      expect(outcome.kind).toBe(end);
      expect(unknown).toHaveLength(atCall === 'DECLINE' ? 0 : 1);
      // What was still on its way arrives, and changes nothing any more.
      if (atCall === 'SLOW') await until('the late call', () => issuer.stored(call.key));
      expect(await issuer.accountOf(accountRef)).toMatchObject(end === 'DONE' ? AFTER[operation] : BEFORE);
      expect((await issuer.books()).breaks).toEqual([]);
    },
  );

  it('at the void that holds off an unknown authorisation too: the void is sent until it is done', async (test) => {
    const { issuer, accountRef, callOf, run } = await givenIssuer(test);
    await issuer.setFaults(
      { operation: 'AUTHORISE', fault: 'SLOW', times: 1, delayMs: LATE_MS },
      { operation: 'VOID', fault: 'TIME_OUT_BEFORE', times: 1 },
    );
    const call = callOf('AUTHORISE');
    expect((await run(call)).outcome).toMatchObject({ kind: 'NOT_FOUND' });
    await until('the late call', () => issuer.stored(call.key));
    expect(await issuer.accountOf(accountRef)).toMatchObject(BEFORE);
  });
});

describe('a call that is answered', () => {
  it('costs eleven events, and no timer', async (test) => {
    const { callOf, start } = await givenIssuer(test);
    const handle = await start(callOf('AUTHORISE'));
    expect((await handle.result()).outcome).toMatchObject({
      kind: 'DONE',
      reference: expect.stringMatching(/^iss_/) as string,
    });
    const { events } = await handle.fetchHistory();
    expect(events).toHaveLength(11);
    expect(JSON.stringify(events)).not.toMatch(/whsec_|v1,/);
  });

  it('with a refusal says which', async (test) => {
    const { callOf, run } = await givenIssuer(test);
    const over = { ...callOf('AUTHORISE'), amount: 100_000 };
    expect((await run(over)).outcome).toEqual({ kind: 'REFUSED', code: 'CREDIT_LIMIT_EXCEEDED' });
    const unknown = { ...callOf('CAPTURE'), key: 'k', authorisationKey: 'nothing' };
    expect((await run(unknown)).outcome).toEqual({ kind: 'REFUSED', code: 'AUTHORISATION_UNKNOWN' });
  });

  it('that the request itself is wrong is refused for good', async (test) => {
    const { callOf, run, issuer } = await givenIssuer(test);
    const call = { ...callOf('AUTHORISE'), amount: 0 };
    expect((await run(call)).outcome).toEqual({ kind: 'REFUSED', code: 'REQUEST_REJECTED' });
    expect(await issuer.stored(call.key)).toBeUndefined();
  });
});

describe('asking', () => {
  it('waits for an issuer that has no signing secret yet, and then sends what never left', async (test) => {
    const { issuer, callOf, start } = await givenIssuer(test);
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    const issuerId = uniqueId('i');
    const body = { name: 'New Credit', baseUrl: issuer.baseUrl, timeZone: 'Asia/Tokyo' };
    await admin('PUT', `/v1/issuers/${issuerId}`, body);
    const handle = await start({ ...callOf('AUTHORISE'), issuerId });
    await until('the first failure', async () => (await handle.fetchHistory()).events?.some(isTimer));
    const made = await admin<{ secret: string }>('POST', `/v1/issuers/${issuerId}/signing-secret`);
    await issuer.trust(made.body.secret);
    expect(await handle.result()).toMatchObject({ outcome: { kind: 'DONE' } });
    const path = `/v1/issuers/${issuerId}/attempts?key=${callOf('AUTHORISE').key}`;
    const attempts = await admin<{ items: { operation: string }[] }>('GET', path);
    expect(attempts.body.items.map((it) => it.operation)).toEqual(['AUTHORISE']);
  });

  it('is not stopped half-way by a cancel of its workflow', async (test) => {
    const { issuer, callOf, start } = await givenIssuer(test);
    await issuer.setFaults(
      { operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 },
      { operation: 'LOOK_UP', fault: 'ERROR_500', times: 2 },
    );
    const handle = await start(callOf('AUTHORISE'));
    await until('the first timer', async () => (await handle.fetchHistory()).events?.some(isTimer));
    await handle.cancel();
    expect((await handle.result()).outcome).toMatchObject({ kind: 'DONE' });
  });

  it(
    'by a worker that is killed during the call ends like any unknown outcome',
    { timeout: 90_000 },
    async (test) => {
      const { issuer, accountRef, callOf } = await givenIssuer(test);
      const taskQueue = `killed-${randomBytes(6).toString('hex')}`;
      const program = startProgram('test/support/ask-worker-main.ts', {
        DATABASE_URL: stack.databaseUrl,
        KESSAI_DATA_KEY: stack.dataKey,
        TEMPORAL_ADDRESS: inject('temporalAddress'),
        KESSAI_TASK_QUEUE: taskQueue,
        BUNDLE_PATH: bundle.path,
      });
      test.onTestFinished(() => program.stop());
      await issuer.setFaults({ operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 });
      const call = callOf('AUTHORISE');
      const handle = await stack.temporal.workflow.start<(call: IssuerCall) => Promise<Asked>>('ask', {
        workflowId: `killed:${call.key}`,
        taskQueue,
        args: [call],
      });
      await until('the call', () => issuer.stored(call.key), 60_000);
      await program.killAndRestart();
      const asked = await handle.result();
      expect(asked).toMatchObject({
        outcome: { kind: 'DONE' },
        unknown: ['the worker that asked did not report'],
      });
      expect(await issuer.accountOf(accountRef)).toMatchObject(AFTER.AUTHORISE);
    },
  );
});

function isTimer(event: { timerStartedEventAttributes?: unknown }): boolean {
  return event.timerStartedEventAttributes !== null && event.timerStartedEventAttributes !== undefined;
}
