import { randomBytes } from 'node:crypto';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createDecisions } from '../../api/decisions.ts';
import { startPayment } from '../../api/payment/start.ts';
import { findDecision } from '../../db/payment.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { paymentWorkflowId } from '../../workflows/payment/contract.ts';
import { apiClient } from '../support/client.ts';
import { createFaultyPool } from '../support/faults.ts';
import { layWire } from '../support/frozen-wire.ts';
import {
  givenMerchant,
  givenPayer,
  pay,
  paymentBody,
  uniqueId,
  type GivenMerchant,
} from '../support/givens.ts';
import { startProgram } from '../support/program.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack, type StackOptions } from '../support/stack.ts';
import { until } from '../support/until.ts';

async function withStack(
  options: StackOptions,
  test: (stack: Stack, merchant: GivenMerchant) => Promise<void>,
): Promise<void> {
  const stack = await startStack(options);
  try {
    await test(stack, await givenMerchant(stack));
  } finally {
    await stopWithSoundLedger(stack);
  }
}

async function events(stack: Stack, merchant: GivenMerchant, merchantPaymentId: string): Promise<string[]> {
  const handle = stack.temporal.workflow.getHandle(paymentWorkflowId(merchant.merchantId, merchantPaymentId));
  const history = await handle.fetchHistory();
  return (history.events ?? []).map(
    (event) => Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '',
  );
}

describe('a payment that starts eagerly', () => {
  let stack: Stack;
  let merchant: GivenMerchant;
  beforeAll(async () => {
    stack = await startStack();
    merchant = await givenMerchant(stack);
  });
  afterAll(() => stopWithSoundLedger(stack));

  it('is answered here, and the answer is the stored one, for repeats too', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const before = stack.decisions.tally().decided;
    const first = await pay(merchant, body);
    expect(first).toMatchObject({ status: 200, body: { status: 'COMPLETED' } });
    expect(stack.decisions.tally().decided).toBe(before + 1);
    const looked = await merchant.call('GET', `/v1/payments/${body.merchantPaymentId}`);
    expect(looked.body).toEqual(first.body);
    const again = await pay(merchant, body);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(stack.decisions.count()).toBe(0);
  });

  it('is decided by its update where no worker is on the connection that starts it', async () => {
    const payer = await givenPayer(stack, { balance: 1_000 });
    const elsewhere = await NativeConnection.connect({ address: inject('temporalAddress') });
    const client = new Client({ connection: elsewhere });
    const decisions = createDecisions();
    const merchantPaymentId = uniqueId('p');
    const input = {
      merchantId: merchant.merchantId,
      merchantPaymentId,
      paymentId: `pay_${merchantPaymentId}`,
      storeId: 's1',
      terminalId: 't1',
      amount: 500,
      currency: 'JPY',
      acceptSimilar: false,
      codeMode: 'ONLINE',
      codeDigest: stack.digestCode(await payer.code()),
      requestHash: 'h',
      attemptId: 'a',
    } as const;
    const started = await startPayment(input, {
      temporal: stack.temporal,
      taskQueue: stack.taskQueue,
      tillDeadlineMs: 10_000,
      eager: { client: () => client, decisions },
    });
    // It may have closed before its update came; then Postgres has its decision, as for the API.
    const outcome =
      started.kind === 'decided'
        ? started.outcome
        : await findDecision(stack.pool, merchant.merchantId, merchantPaymentId);
    expect(outcome).toMatchObject({ view: { status: 'COMPLETED' }, attemptId: 'a' });
    expect(decisions.tally()).toEqual({ decided: 0, undecided: 0, late: 0, elsewhere: 1 });
    await elsewhere.close();
  });
});

it('the decision is handed over before the workflow task ends', async () => {
  const wire = await layWire(inject('temporalAddress'));
  try {
    await withStack({ workers: 0, workersAddress: wire.address }, async (stack, merchant) => {
      await stack.startWorker({
        tellDecision: (...told) => {
          wire.freeze();
          stack.decisions.tell(...told);
        },
      });
      const payer = await givenPayer(stack, { balance: 1_000 });
      const body = paymentBody({ code: await payer.code() });
      expect(await pay(merchant, body)).toMatchObject({ status: 200, body: { status: 'COMPLETED' } });
      expect((await events(stack, merchant, body.merchantPaymentId)).at(-1)).toBe(
        'workflowTaskStartedEventAttributes',
      );
      wire.thaw();
      await stack.temporal.workflow
        .getHandle(paymentWorkflowId(merchant.merchantId, body.merchantPaymentId))
        .result();
      expect(await payer.balance()).toBe(500);
    });
  } finally {
    wire.close();
  }
});

it('a decision that nobody hands over is found in Postgres after the deadline, and nothing stays behind', async () => {
  await withStack({ workers: 0, tillDeadlineMs: 3_000 }, async (stack, merchant) => {
    await stack.startWorker({ tellDecision: () => undefined });
    const payer = await givenPayer(stack, { balance: 1_000 });
    const answer = await pay(merchant, { code: await payer.code() });
    expect(answer).toMatchObject({ status: 200, body: { status: 'COMPLETED' } });
    expect(stack.decisions.tally()).toEqual({ decided: 0, undecided: 0, late: 1, elsewhere: 0 });
    expect(stack.decisions.count()).toBe(0);
  });
});

it('a step whose answer was lost says so, and the update brings the decision', async () => {
  await withStack({ workers: 0 }, async (stack, merchant) => {
    const faults = createFaultyPool(stack.pool);
    await stack.startWorker({ pool: faults.pool });
    const payer = await givenPayer(stack, { balance: 1_000 });
    faults.loseAnswers('payment_settle', 1);
    const answer = await pay(merchant, { code: await payer.code() });
    expect(answer).toMatchObject({ status: 200, body: { status: 'COMPLETED' } });
    expect(stack.decisions.tally()).toMatchObject({ decided: 0, undecided: 1 });
    expect(await payer.balance()).toBe(500);
  });
});

it(
  'an API that is killed between the commit and the end of the task has taken one payment, and its repeat is answered',
  { timeout: 90_000 },
  async () => {
    await withStack({ workers: 0 }, async (stack, merchant) => {
      const payer = await givenPayer(stack, { balance: 1_000 });
      const body = paymentBody({ code: await payer.code() });
      const port = await freePort();
      const baseUrl = `http://127.0.0.1:${port}`;
      const dying = startProgram('test/support/dying-api.ts', {
        DATABASE_URL: stack.databaseUrl,
        TEMPORAL_ADDRESS: inject('temporalAddress'),
        TEMPORAL_NAMESPACE: 'default',
        KESSAI_TASK_QUEUE: stack.taskQueue,
        KESSAI_DATA_KEY: randomBytes(32).toString('base64'),
        KESSAI_CODE_PEPPER: stack.codePepper,
        PORT: String(port),
        HOST: '127.0.0.1',
        LOG_LEVEL: 'warn',
      });
      try {
        await until(
          'its worker',
          async () => {
            const metrics = await fetch(`${baseUrl}/metrics`)
              .then((answer) => answer.text())
              .catch(() => '');
            return metrics.includes('kessai_till_worker_running 1');
          },
          60_000,
        );
        const till = apiClient(baseUrl, merchant.key);
        // Cut off, or told IN_PROGRESS if the machine is slow.
        await till('POST', '/v1/payments', body).catch(() => undefined);
        await dying.exitCode();
        expect(await events(stack, merchant, body.merchantPaymentId)).not.toContain(
          'workflowTaskCompletedEventAttributes',
        );
        expect(await payer.balance()).toBe(500);

        await stack.startWorker();
        const again = await until('an answer', async () => {
          const answer = await pay(merchant, body);
          return answer.status === 200 && answer;
        });
        expect(again.body).toMatchObject({ status: 'COMPLETED' });
        expect(again.headers.get('idempotency-hit')).toBe('true');
        const end: unknown = await stack.temporal.workflow
          .getHandle(paymentWorkflowId(merchant.merchantId, body.merchantPaymentId))
          .result();
        expect(end).toEqual(again.body);
        expect(await payer.balance()).toBe(500);
      } finally {
        await dying.stop();
      }
    });
  },
);

describe('where nothing starts eagerly', () => {
  it('a payment has two events more, and twenty clients at once still get one answer', async () => {
    await withStack({ eager: false }, async (stack, merchant) => {
      const payer = await givenPayer(stack, { balance: 1_000 });
      const body = paymentBody({ code: await payer.code() });
      const answers = await Promise.all(Array.from({ length: 20 }, () => pay(merchant, body)));
      expect(new Set(answers.map((it) => `${it.status} ${JSON.stringify(it.body)}`)).size).toBe(1);
      expect(answers.filter((it) => it.headers.get('idempotency-hit') === null)).toHaveLength(1);
      expect(await payer.balance()).toBe(500);

      const alone = await pay(merchant, { code: await payer.code(), amount: 400 });
      const declined = await pay(merchant, { code: await payer.code(), amount: 300 });
      expect(declined.body.declineCode).toBe('INSUFFICIENT_FUNDS');
      for (const [{ merchantPaymentId }, count] of [
        [alone.body, 9],
        [declined.body, 8],
      ] as const) {
        await stack.temporal.workflow
          .getHandle(paymentWorkflowId(merchant.merchantId, merchantPaymentId))
          .result();
        expect(await events(stack, merchant, merchantPaymentId)).toHaveLength(count);
      }
      expect(stack.decisions.tally()).toEqual({ decided: 0, undecided: 0, late: 0, elsewhere: 0 });
    });
  });
});
