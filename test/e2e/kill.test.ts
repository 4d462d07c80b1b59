import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createKey } from '../../db/key.ts';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { freePort } from '../../dev/servers/ports.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import type { Answer } from '../support/client.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import {
  givenMerchant,
  givenPayer,
  paymentBody,
  type GivenMerchant,
  type GivenPayer,
  type Target,
} from '../support/givens.ts';
import { startProgram, type Program } from '../support/program.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';
import { until } from '../support/until.ts';

const TILLS = 6;
const KILLS = 6;
const AMOUNT = 100;
const TOP_UP = 1_000_000;

let database: TestDatabase;
let api: Program;
let worker: Program;
let connection: Connection;
let baseUrl: string;
let workerUrl: string;
let target: Target;
const taskQueue = `kill-${randomBytes(6).toString('hex')}`;

beforeAll(async () => {
  database = await createTestDatabase();
  const port = await freePort();
  const metricsPort = await freePort();
  baseUrl = `http://127.0.0.1:${port}`;
  workerUrl = `http://127.0.0.1:${metricsPort}`;
  const env = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    KESSAI_TASK_QUEUE: taskQueue,
    KESSAI_DATA_KEY: randomBytes(32).toString('base64'),
    KESSAI_CODE_PEPPER: randomBytes(32).toString('base64'),
    PORT: String(port),
    WORKER_METRICS_PORT: String(metricsPort),
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
  };
  api = startProgram('workers/api-main.ts', env);
  worker = startProgram('workers/main.ts', env);
  connection = await Connection.connect({ address: inject('temporalAddress') });
  const { key } = await createKey(database.pool, { role: 'admin', tenantId: 'kessai', name: 'test' });
  target = { baseUrl, adminKey: key };
  await until('both programs', bothReady, 60_000);
});
afterAll(async () => {
  await api.stop();
  await worker.stop();
  await connection.close();
  await database.drop();
});

async function bothReady(): Promise<boolean> {
  const answers = await Promise.all([baseUrl, workerUrl].map((url) => fetch(`${url}/readyz`))).catch(
    () => [],
  );
  return answers.length === 2 && answers.every((it) => it.ok);
}

/** As a till does it: the same request under the same id until an answer comes that is one, then look until decided. */
async function persist(call: () => Promise<Answer<PaymentView>>): Promise<PaymentView> {
  return until(
    'an answer',
    async () => {
      const answer = await call().catch(() => undefined);
      const isDecided = answer?.status === 200 && answer.body.status !== 'IN_PROGRESS';
      return isDecided ? answer.body : undefined;
    },
    90_000,
  );
}

async function persistCode(payer: GivenPayer): Promise<string> {
  return until('a code', () => payer.code().catch(() => undefined), 90_000);
}

interface Till {
  readonly answers: PaymentView[];
  readonly canceled: Set<string>;
}

/** Pays, and cancels every fifth payment, until the killing is over. */
async function runTill(merchant: GivenMerchant, payer: GivenPayer, isOver: () => boolean): Promise<Till> {
  const answers: PaymentView[] = [];
  const canceled = new Set<string>();
  for (let i = 0; !isOver(); i++) {
    const body = paymentBody({ code: await persistCode(payer), amount: AMOUNT, acceptSimilar: true });
    const paid = await persist(() => merchant.call('POST', '/v1/payments', body));
    answers.push(paid);
    if (i % 5 === 4) {
      await persist(() => merchant.call('POST', `/v1/payments/${paid.merchantPaymentId}/cancel`, {}));
      canceled.add(paid.merchantPaymentId);
    }
  }
  return { answers, canceled };
}

describe('kill -9 of worker and API while tills pay', () => {
  it('loses no payment, takes none twice, and all reach a final state', { timeout: 240_000 }, async () => {
    const receiver = await startWebhookReceiver();
    const merchant = await givenMerchant(target, { webhookUrl: receiver.url });
    const payers = await Promise.all(
      Array.from({ length: TILLS }, () => givenPayer(target, { balance: TOP_UP })),
    );
    let killsLeft = KILLS;
    const killer = (async () => {
      while (killsLeft > 0) {
        // At any moment of the work, but only what has come up again: else nothing would ever be decided.
        await pause(Math.random() * 2_000);
        await (killsLeft % 2 === 0 ? worker : api).killAndRestart();
        await until('both programs again', bothReady, 60_000);
        killsLeft -= 1;
      }
    })();
    const tills = await Promise.all(payers.map((payer) => runTill(merchant, payer, () => killsLeft === 0)));
    await killer;

    const answers = tills.flatMap((till) => till.answers);
    expect(answers.length).toBeGreaterThan(TILLS * 2);
    expect(new Set(answers.map((it) => it.status))).toEqual(new Set(['COMPLETED']));
    for (const [i, till] of tills.entries()) {
      expect(await payers[i]?.balance()).toBe(TOP_UP - (till.answers.length - till.canceled.size) * AMOUNT);
      for (const answer of till.answers) {
        const now = await merchant.call<PaymentView>('GET', `/v1/payments/${answer.merchantPaymentId}`);
        expect(now.body.status).toBe(till.canceled.has(answer.merchantPaymentId) ? 'CANCELED' : 'COMPLETED');
      }
    }
    const proof = await verifyLedger(database.pool);
    expect(proof.breaks).toEqual([]);
    // A try that died with its worker is given up after 30 s and made again.
    const undelivered = `select 1 from webhook_event where status <> 'DELIVERED'`;
    await until('every webhook', async () => (await database.pool.query(undelivered)).rowCount === 0, 90_000);
    const told = new Set(receiver.received.map((it) => it.headers['webhook-id']));
    const canceledCount = tills.reduce((sum, till) => sum + till.canceled.size, 0);
    expect(told.size).toBe(answers.length + canceledCount);
    receiver.close();
    const client = new Client({ connection });
    await until('the end of every workflow', async () => {
      const open = await client.workflow.count(`TaskQueue = '${taskQueue}' and ExecutionStatus = 'Running'`);
      return open.count === 0;
    });
    const failed = `TaskQueue = '${taskQueue}' and ExecutionStatus in ('Failed', 'Terminated', 'TimedOut')`;
    expect((await client.workflow.count(failed)).count).toBe(0);
  });
});
