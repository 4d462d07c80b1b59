import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createKey } from '../../db/key.ts';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { repaymentOperationKey } from '../../domain/credit/credit.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { uniqueId } from '../support/givens.ts';
import { startProgram, type Program } from '../support/program.ts';
import { connectRepay, type RepaySide } from '../support/repayments.ts';
import { until } from '../support/until.ts';

let database: TestDatabase;
let api: Program;
let worker: Program;
let connection: Connection;
let side: RepaySide;
let urls: string[];

beforeAll(async () => {
  database = await createTestDatabase();
  const port = await freePort();
  const metricsPort = await freePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  urls = [baseUrl, `http://127.0.0.1:${metricsPort}`];
  const env = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    KESSAI_TASK_QUEUE: `repayment-kill-${randomBytes(6).toString('hex')}`,
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
  const { key: adminKey } = await createKey(database.pool, {
    role: 'admin',
    tenantId: 'kessai',
    name: 'test',
  });
  await until('both programs', areReady, 120_000);
  const temporal = new Client({ connection });
  side = await connectRepay({
    baseUrl,
    adminKey,
    temporal,
    pool: database.pool,
    databaseUrl: database.url,
  });
}, 180_000);
afterAll(async () => {
  await api.stop();
  await worker.stop();
  await connection.close();
  await side.issuer.close();
  await database.drop();
});

async function areReady(): Promise<boolean> {
  const answers = await Promise.all(urls.map((url) => fetch(`${url}/readyz`))).catch(() => []);
  return answers.length === urls.length && answers.every((it) => it.ok);
}

describe('kill -9 of worker and API while the issuer is asked for a repayment', () => {
  it.each([
    ['which has done it', 'TIME_OUT_AFTER_COMMIT'],
    ['which has not done it', 'TIME_OUT_BEFORE'],
  ] as const)(
    '%s: paid once, and the debt lower by it',
    async (_title, fault) => {
      const debt = await side.givenDebt();
      const repaymentId = uniqueId('w');
      await side.issuer.setFaults({ operation: 'REPAYMENT', fault, times: 1 });
      expect((await debt.pay({ repaymentId, amount: 600 })).status).toBe(202);
      const key = repaymentOperationKey(side.issuerId, debt.debtId, repaymentId);
      if (fault === 'TIME_OUT_AFTER_COMMIT') await until('the commit', () => side.issuer.stored(key));
      await Promise.all([worker.killAndRestart(), api.killAndRestart()]);
      await until('both programs', areReady, 120_000);
      expect(await debt.balance()).toEqual({ amount: 5_000, held: 600 });
      expect(await debt.handle(repaymentId).result()).toMatchObject({ status: 'COMPLETED' });
      expect(await debt.balance()).toEqual({ amount: 4_400, held: 0 });
      expect((await debt.statement()).paid).toBe(600);
      expect((await debt.now()).remainingAmount).toBe(400);
      expect((await debt.pay({ repaymentId, amount: 600 })).body.status).toBe('COMPLETED');
      await side.expectBooksAgree();
      expect((await verifyLedger(database.pool)).breaks).toEqual([]);
    },
    240_000,
  );
});
