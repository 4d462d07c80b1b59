import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createKey } from '../../db/key.ts';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { paymentOperationKeys, refundOperationKey } from '../../domain/credit/credit.ts';
import type { IssuerFault } from '../../partners/issuer/schemas.ts';
import { paymentCancelWorkflowId } from '../../workflows/payment-cancel/contract.ts';
import { paymentWorkflowId } from '../../workflows/payment/contract.ts';
import { refundWorkflowId } from '../../workflows/refund/contract.ts';
import { givenCreditOrder } from '../support/credit.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { givenMerchant, type GivenMerchant, type Target } from '../support/givens.ts';
import { connectIssuer, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { startProgram, type Program } from '../support/program.ts';
import { until } from '../support/until.ts';

let database: TestDatabase;
let issuer: TestIssuer;
let api: Program;
let worker: Program;
let connection: Connection;
let client: Client;
let target: Target;
let merchant: GivenMerchant;
let issuerId: string;
let workerUrl: string;

beforeAll(async () => {
  database = await createTestDatabase();
  issuer = await startIssuer(database.url);
  const port = await freePort();
  const metricsPort = await freePort();
  workerUrl = `http://127.0.0.1:${metricsPort}`;
  const baseUrl = `http://127.0.0.1:${port}`;
  const env = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    KESSAI_TASK_QUEUE: `issuer-kill-${randomBytes(6).toString('hex')}`,
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
  client = new Client({ connection });
  const { key } = await createKey(database.pool, { role: 'admin', tenantId: 'kessai', name: 'test' });
  target = { baseUrl, adminKey: key };
  await until('both programs', () => areReady(baseUrl, workerUrl), 60_000);
  merchant = await givenMerchant(target);
  issuerId = await connectIssuer(target, issuer);
});
afterAll(async () => {
  await api.stop();
  await worker.stop();
  await connection.close();
  await issuer.close();
  await database.drop();
});

async function areReady(...urls: string[]): Promise<boolean> {
  const answers = await Promise.all(urls.map((url) => fetch(`${url}/readyz`))).catch(() => []);
  return answers.length === urls.length && answers.every((it) => it.ok);
}

interface CreditPayment {
  readonly merchantPaymentId: string;
  readonly accountRef: string;
}

/** Asks for a payment of 1,000 on credit; whether it is decided in time is the issuer's affair. */
async function payOnCredit(): Promise<CreditPayment> {
  const { accountRef, body } = await givenCreditOrder(target, issuer, { issuerId, amount: 1_000 });
  expect((await merchant.call('POST', '/v1/payments', body)).status).toBeLessThan(300);
  return { merchantPaymentId: body.merchantPaymentId, accountRef };
}

const keysOf = (it: CreditPayment) => paymentOperationKeys(merchant.merchantId, it.merchantPaymentId);
const statusOf = async (it: CreditPayment) =>
  (await merchant.call('GET', `/v1/payments/${it.merchantPaymentId}`)).body.status;
const used = async (it: CreditPayment) => (await issuer.accountOf(it.accountRef)).used;

/** The step of each, hung up on; answers when the calls of all four are on their way. */
async function hangInEachStep(fault: IssuerFault['fault']) {
  const [toVoid, toRefund] = [await payOnCredit(), await payOnCredit()];
  for (const it of [toVoid, toRefund]) {
    await client.workflow.getHandle(paymentWorkflowId(merchant.merchantId, it.merchantPaymentId)).result();
  }
  const refundId = `r-${toRefund.merchantPaymentId}`;
  await issuer.setFaults(
    ...(['CAPTURE', 'VOID', 'REFUND'] as const).map((operation) => ({ operation, fault, times: 1 })),
  );
  const captured = await payOnCredit();
  await issuer.setFaults(
    ...(['AUTHORISE', 'VOID', 'REFUND'] as const).map((operation) => ({ operation, fault, times: 1 })),
  );
  const [authorised] = await Promise.all([
    payOnCredit(),
    merchant.call('POST', `/v1/payments/${toVoid.merchantPaymentId}/cancel`, {}),
    merchant.call('POST', `/v1/payments/${toRefund.merchantPaymentId}/refunds`, {
      merchantRefundId: refundId,
      amount: 400,
    }),
  ]);
  return { authorised, captured, toVoid, toRefund, refundId };
}

async function killAll(): Promise<void> {
  await Promise.all([worker.killAndRestart(), api.killAndRestart()]);
  await until('both programs', () => areReady(target.baseUrl, workerUrl), 60_000);
}

describe('kill -9 of worker and API while an issuer is asked', () => {
  it.each([
    ['which has done it', 'TIME_OUT_AFTER_COMMIT', 'COMPLETED', 1_000],
    ['which has not done it', 'TIME_OUT_BEFORE', 'DECLINED', 0],
  ] as const)(
    '%s, ends in every step as it would have without: nothing twice, nothing lost',
    async (_title, fault, status, owed) => {
      const { authorised, captured, toVoid, toRefund, refundId } = await hangInEachStep(fault);
      if (fault === 'TIME_OUT_AFTER_COMMIT') {
        const { authorise } = keysOf(authorised);
        const keys = [authorise, keysOf(captured).capture, keysOf(toVoid).void];
        for (const key of [...keys, refundOperationKey(merchant.merchantId, refundId)]) {
          await until(`the issuer to have ${key}`, async () => (await issuer.stored(key)) !== undefined);
        }
      }
      await killAll();
      const { merchantId } = merchant;
      const ends = await Promise.all(
        [
          paymentWorkflowId(merchantId, authorised.merchantPaymentId),
          paymentWorkflowId(merchantId, captured.merchantPaymentId),
          paymentCancelWorkflowId(merchantId, toVoid.merchantPaymentId),
          refundWorkflowId(merchantId, refundId),
        ].map((id) => client.workflow.getHandle(id).result() as Promise<{ status?: string }>),
      );
      expect(ends[3]?.status).toBe('COMPLETED');
      expect([await statusOf(authorised), await used(authorised)]).toEqual([status, owed]);
      expect([await statusOf(captured), await used(captured)]).toEqual(['COMPLETED', 1_000]);
      expect([await statusOf(toVoid), await used(toVoid)]).toEqual(['CANCELED', 0]);
      expect([await statusOf(toRefund), await used(toRefund)]).toEqual(['COMPLETED', 600]);
      expect((await issuer.books()).breaks).toEqual([]);
      expect((await verifyLedger(database.pool)).breaks).toEqual([]);
      const breaks = await database.pool.query('select 1 from reconciliation_break');
      expect(breaks.rowCount).toBe(0);
    },
    120_000,
  );
});
