import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertDefined } from '../../domain/assert.ts';
import { decideCredit } from '../../db/payment.ts';
import { paymentOperationKeys } from '../../domain/credit/credit.ts';
import type { IssuerFault } from '../../partners/issuer/schemas.ts';
import { paymentCancelWorkflowId } from '../../workflows/payment-cancel/contract.ts';
import { paymentWorkflowId, resolveDispute } from '../../workflows/payment/contract.ts';
import { refundWorkflowId } from '../../workflows/refund/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { apiClient } from '../support/client.ts';
import { givenCreditOrder } from '../support/credit.ts';
import { createTestDatabase } from '../support/database.ts';
import { givenMerchant, pay, uniqueId, type GivenMerchant } from '../support/givens.ts';
import { connectIssuer, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { givenOfflinePhone, lastStep } from '../support/offline.ts';
import { compareDay } from '../support/reconcile.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** How long we wait for the issuer here, and when a SLOW one does it: after our look-up, on a busy machine, too. */
const PATIENCE_MS = 700;
const SLOW_MS = 8_000;

interface Row {
  readonly at: IssuerFault['operation'];
  readonly issuer: string;
  readonly payment: string;
  readonly refund: string;
  readonly merchant: number;
  readonly owed: number;
  readonly isAsked: boolean;
}

/** The table of docs/unknown-outcomes.md. */
const rows = (await readFile('docs/unknown-outcomes.md', 'utf8'))
  .split('\n')
  .filter((line) => /^\| [A-Z]/.test(line))
  .map((line): Row => {
    const [at, issuer, payment, refund, merchant, owed, asked] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    return {
      at: at as Row['at'],
      issuer: assertDefined(issuer),
      payment: assertDefined(payment),
      refund: assertDefined(refund),
      merchant: Number(merchant),
      owed: Number(owed),
      isAsked: asked === 'yes',
    };
  });

/** `TIME_OUT_AFTER_COMMIT, LOOK_UP ERROR_500 twice` as switches. */
function switchesOf({ at, issuer }: Row): IssuerFault[] {
  if (issuer === 'answers') return [];
  return issuer.split(', ').map((words, i) => {
    const [operation, fault, times] = i === 0 ? [at, ...words.split(' ')] : words.split(' ');
    return {
      operation: operation as IssuerFault['operation'],
      fault: fault as IssuerFault['fault'],
      times: times === 'twice' ? 2 : 1,
      ...(fault === 'SLOW' ? { delayMs: SLOW_MS } : {}),
    };
  });
}

let stack: Stack;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack({ workers: 0, tillDeadlineMs: 30_000 });
  await stack.startWorker({ issuerTimeoutMs: PATIENCE_MS });
  merchant = await givenMerchant(stack);
});
afterAll(() => stopWithSoundLedger(stack));

async function endOf(workflowId: string): Promise<unknown> {
  return stack.temporal.workflow.getHandle(workflowId).result();
}

/** Takes a payment of 1,000 on credit, and what the row is about, to its end. */
async function walk(
  row: Row,
  issuer: TestIssuer,
): Promise<{ merchantPaymentId: string; accountRef: string; refund: string }> {
  const issuerId = await connectIssuer(stack, issuer);
  const { accountRef, body } = await givenCreditOrder(stack, issuer, { issuerId, amount: 1_000 });
  const { merchantPaymentId } = body;
  const isLater = row.at === 'VOID' || row.at === 'REFUND';
  if (!isLater) await issuer.setFaults(...switchesOf(row));
  const answer = await merchant.call('POST', '/v1/payments', body);
  expect(answer.status).toBe(200);
  await endOf(paymentWorkflowId(merchant.merchantId, merchantPaymentId));
  if (isLater) await issuer.setFaults(...switchesOf(row));
  let refund = '';
  if (row.at === 'VOID') {
    const canceled = await merchant.call('POST', `/v1/payments/${merchantPaymentId}/cancel`, {});
    expect(canceled.body).toMatchObject({ status: 'CANCELED' });
    await endOf(paymentCancelWorkflowId(merchant.merchantId, merchantPaymentId));
  }
  if (row.at === 'REFUND') {
    const merchantRefundId = uniqueId('r');
    await merchant.call('POST', `/v1/payments/${merchantPaymentId}/refunds`, {
      merchantRefundId,
      amount: 400,
    });
    const ended = await endOf(refundWorkflowId(merchant.merchantId, merchantRefundId));
    refund = (ended as { status: string }).status;
  }
  return { merchantPaymentId, accountRef, refund };
}

describe('with the issuer', () => {
  it('the table has a row for every fault at every step', () => {
    const faults = ['DECLINE', 'ERROR_500', 'NOT_FOUND', 'SLOW', 'TIME_OUT_AFTER_COMMIT', 'TIME_OUT_BEFORE'];
    for (const at of ['AUTHORISE', 'CAPTURE', 'VOID', 'REFUND']) {
      const found = rows.filter((row) => row.at === at).map((row) => row.issuer);
      expect(found).toEqual(expect.arrayContaining(faults));
    }
  });

  it.concurrent.for(rows)('$at: $issuer', { timeout: 60_000 }, async (row, { onTestFinished }) => {
    // An issuer and books of its own: the switches are for all of its calls.
    const database = await createTestDatabase();
    const issuer = await startIssuer(database.url);
    onTestFinished(async () => {
      await issuer.close();
      await database.drop();
    });
    const { merchantPaymentId, accountRef, refund } = await walk(row, issuer);
    const { body } = await merchant.call('GET', `/v1/payments/${merchantPaymentId}`);
    expect([body.status, refund]).toEqual([row.payment, row.refund]);
    if (row.at === 'AUTHORISE' && row.issuer === 'SLOW') {
      const { authorise } = paymentOperationKeys(merchant.merchantId, merchantPaymentId);
      await until('the late authorisation', async () => (await issuer.stored(authorise)) !== undefined);
    }
    const booked = await stack.pool.query<{ sum: number }>(
      `select coalesce(sum(e.amount), 0)::bigint as sum from entry e
        where e.account_id like 'merchant:%' and e.transfer_id in (
          select transfer_id from payment where payment_id = $1
          union all select 'cancel:' || $1
          union all select transfer_id from refund where payment_id = $1)`,
      [body.paymentId],
    );
    expect(booked.rows[0]?.sum).toBe(row.merchant);
    expect((await issuer.accountOf(accountRef)).used).toBe(row.owed);
    const breaks = await stack.pool.query(
      `select 1 from reconciliation_break where payment_id = $1 and class = 'unknown_outcome'`,
      [body.paymentId],
    );
    expect(breaks.rowCount).toBe(row.isAsked ? 1 : 0);
    expect((await issuer.books()).breaks).toEqual([]);
  });

  it('that does not find what it has booked, the void says what came too late: told to a person, kept with the call', async ({
    onTestFinished,
  }) => {
    const database = await createTestDatabase();
    const issuer = await startIssuer(database.url);
    onTestFinished(async () => {
      await issuer.close();
      await database.drop();
    });
    const issuerId = await connectIssuer(stack, issuer);
    const { accountRef, body } = await givenCreditOrder(stack, issuer, { issuerId, amount: 1_000 });
    await issuer.setFaults(
      { operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 },
      { operation: 'LOOK_UP', fault: 'NOT_FOUND', times: 1 },
    );
    const answer = await merchant.call('POST', '/v1/payments', body);
    expect(answer.body).toMatchObject({ status: 'DECLINED', declineCode: 'CREDIT_DECLINED' });
    expect((await issuer.accountOf(accountRef)).used).toBe(0);
    const key = paymentOperationKeys(merchant.merchantId, body.merchantPaymentId).void;
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    const calls = await admin<{ items: unknown[] }>('GET', `/v1/issuers/${issuerId}/attempts?key=${key}`);
    expect(calls.body.items).toMatchObject([{ operation: 'VOID', outcome: 'DONE', released: 1_000 }]);
    const breaks = await stack.pool.query(
      'select class, counterpart, reference, detail from reconciliation_break where payment_id = $1',
      [answer.body.paymentId],
    );
    expect(breaks.rows).toMatchObject([{ class: 'late', counterpart: 'ISSUER', reference: key }]);
    expect(JSON.stringify(breaks.rows)).toContain('1000 JPY back');
  });

  it('which refuses a capture as VOIDED though nobody canceled here leaves that to a person', async ({
    onTestFinished,
  }) => {
    const database = await createTestDatabase();
    const issuer = await startIssuer(database.url);
    onTestFinished(async () => {
      await issuer.close();
      await database.drop();
    });
    const issuerId = await connectIssuer(stack, issuer);
    const { body } = await givenCreditOrder(stack, issuer, { issuerId, amount: 1_000 });
    await issuer.setFaults(
      { operation: 'CAPTURE', fault: 'TIME_OUT_BEFORE', times: 1 },
      { operation: 'LOOK_UP', fault: 'ERROR_500', times: 3 },
    );
    const answer = await merchant.call('POST', '/v1/payments', body);
    expect(answer.body).toMatchObject({ status: 'COMPLETED' });
    const keys = paymentOperationKeys(merchant.merchantId, body.merchantPaymentId);
    const byItself = 'update issuer.authorisation set voided_at = now() where authorisation_key = $1';
    await database.pool.query(byItself, [keys.authorise]);
    await endOf(paymentWorkflowId(merchant.merchantId, body.merchantPaymentId));
    const breaks = await stack.pool.query(
      'select class, reference from reconciliation_break where payment_id = $1',
      [answer.body.paymentId],
    );
    expect(breaks.rows).toEqual([{ class: 'unknown_outcome', reference: keys.capture }]);
  });

  it('silent at the capture of an offline payment, a dispute of that is put before an operator all the same', async ({
    onTestFinished,
  }) => {
    const database = await createTestDatabase();
    const issuer = await startIssuer(database.url);
    onTestFinished(async () => {
      await issuer.close();
      await database.drop();
    });
    const issuerId = await connectIssuer(stack, issuer);
    const { payer, accountRef } = await givenCreditOrder(stack, issuer, { issuerId, amount: 1_000 });
    const chosen = await payer.call('PUT', '/v1/offline-preference', { fundingSource: 'PAY_LATER' });
    expect(chosen.status).toBe(200);
    const phone = await givenOfflinePhone(payer);
    const step = await lastStep();
    await issuer.setFaults(
      { operation: 'CAPTURE', fault: 'TIME_OUT_BEFORE', times: 100 },
      { operation: 'LOOK_UP', fault: 'ERROR_500', times: 100 },
    );
    const { body } = await pay(merchant, { code: await phone.code(step), amount: 1_000 });
    expect(body).toMatchObject({
      status: 'COMPLETED',
      fundingSource: 'PAY_LATER',
      reconciliation: 'PENDING',
    });
    await phone.journal({ steps: [], fromStep: step, toStep: step });
    const workflowId = paymentWorkflowId(merchant.merchantId, body.merchantPaymentId);
    const handle = stack.temporal.workflow.getHandle(workflowId);
    await until('the operator to be asked', async () => {
      const { typedSearchAttributes } = await handle.describe();
      return typedSearchAttributes.get(AWAITING_OPERATOR) === true;
    });
    expect((await issuer.accountOf(accountRef)).captured).toBe(0);
    await issuer.setFaults();
    await handle.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'stolen' });
    expect(await handle.result()).toMatchObject({ status: 'REFUNDED', reconciliation: 'RESOLVED' });
    expect((await issuer.accountOf(accountRef)).used).toBe(0);
  });

  it('of credit in yen, a payment at a till of another currency is declined, and it is not asked', async ({
    onTestFinished,
  }) => {
    const database = await createTestDatabase();
    const issuer = await startIssuer(database.url);
    onTestFinished(async () => {
      await issuer.close();
      await database.drop();
    });
    const issuerId = await connectIssuer(stack, issuer);
    const { body } = await givenCreditOrder(stack, issuer, { issuerId, amount: 1_000 });
    const abroad = await givenMerchant(stack, { currency: 'USD' });
    const answer = await abroad.call('POST', '/v1/payments', { ...body, currency: 'USD' });
    expect(answer.body).toMatchObject({ status: 'DECLINED', declineCode: 'CREDIT_DECLINED' });
    const { authorise } = paymentOperationKeys(abroad.merchantId, body.merchantPaymentId);
    expect(await issuer.stored(authorise)).toBeUndefined();
    // Nor is anything missing there when its day is compared.
    const moved = await stack.pool.query<{ day: string }>(
      `update payment set requested_at = requested_at - interval '2 days', decided_at = decided_at - interval '2 days'
        where merchant_id = $1
        returning (decided_at at time zone (select time_zone from merchant where merchant_id = $1))::date::text as day`,
      [abroad.merchantId],
    );
    const { day } = assertDefined(moved.rows[0]);
    expect(await compareDay(stack.pool, abroad.merchantId, day)).toEqual({ opened: 0, resolved: 0 });
  });

  it('silent, and the run that a person declined gone before its void, a run that finds the decline voids it', async ({
    onTestFinished,
  }) => {
    const database = await createTestDatabase();
    const issuer = await startIssuer(database.url);
    onTestFinished(async () => {
      await issuer.close();
      await database.drop();
    });
    const issuerId = await connectIssuer(stack, issuer);
    const { accountRef, body } = await givenCreditOrder(stack, issuer, { issuerId, amount: 1_000 });
    await issuer.setFaults(
      { operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1 },
      { operation: 'LOOK_UP', fault: 'ERROR_500', times: 100 },
    );
    const first = merchant.call('POST', '/v1/payments', body);
    const { merchantPaymentId } = body;
    const { authorise } = paymentOperationKeys(merchant.merchantId, merchantPaymentId);
    await until('the authorisation', async () => (await issuer.stored(authorise)) !== undefined);
    const workflowId = paymentWorkflowId(merchant.merchantId, merchantPaymentId);
    await stack.temporal.workflow.getHandle(workflowId).terminate('test');
    // What an operator's word had committed before.
    await decideCredit(stack.pool, {
      merchantId: merchant.merchantId,
      merchantPaymentId,
      authorised: false,
      operator: 'mei',
      reason: 'lost',
      decidedAt: new Date().toISOString(),
      cancelUntilMinutesOfNextDay: 15,
    });
    await first;
    expect((await issuer.accountOf(accountRef)).used).toBe(1_000);
    await issuer.setFaults();
    const again = await merchant.call('POST', '/v1/payments', body);
    expect(again.body).toMatchObject({ status: 'DECLINED' });
    await endOf(workflowId);
    expect((await issuer.accountOf(accountRef)).used).toBe(0);
  });

  it.each([
    ['eagerly', true],
    ['by update', false],
  ])(
    'silent, and the workflow, started %s, terminated, another body under the same id moves nothing; the first one goes on',
    async (_how, eager) => {
      const own = eager ? stack : await startStack({ workers: 0, eager });
      if (!eager) await own.startWorker({ issuerTimeoutMs: PATIENCE_MS });
      const till = eager ? merchant : await givenMerchant(own);
      const database = await createTestDatabase();
      const issuer = await startIssuer(database.url);
      const issuerId = await connectIssuer(own, issuer);
      const { accountRef, body } = await givenCreditOrder(own, issuer, { issuerId, amount: 500 });
      await issuer.setFaults(
        { operation: 'AUTHORISE', fault: 'TIME_OUT_BEFORE', times: 100 },
        { operation: 'LOOK_UP', fault: 'ERROR_500', times: 100 },
      );
      const first = till.call('POST', '/v1/payments', body);
      const workflowId = paymentWorkflowId(till.merchantId, body.merchantPaymentId);
      await until('the payment', async () => {
        const found = await till.call('GET', `/v1/payments/${body.merchantPaymentId}`);
        return found.body.fundingSource === 'PAY_LATER';
      });
      await own.temporal.workflow.getHandle(workflowId).terminate('test');
      await issuer.setFaults();
      const other = await till.call('POST', '/v1/payments', { ...body, amount: 2_000 });
      expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
      const again = await till.call('POST', '/v1/payments', body);
      expect([200, 202]).toContain(again.status);
      await first;
      await until('the amount that was asked for first', async () => {
        return (await issuer.accountOf(accountRef)).captured === 500;
      });
      expect((await issuer.accountOf(accountRef)).used).toBe(500);
      await issuer.close();
      await database.drop();
      if (!eager) await stopWithSoundLedger(own);
    },
  );
});
