import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { assertDefined } from '../../domain/assert.ts';
import { decideCredit } from '../../db/payment.ts';
import { paymentOperationKeys } from '../../domain/credit/credit.ts';
import { paymentWorkflowId } from '../../workflows/payment/contract.ts';
import { apiClient } from '../support/client.ts';
import { connectCredit, givenCreditOrder, type CreditSide } from '../support/credit.ts';
import { creditCase, voidsOfUnknown } from '../support/credit-cases.ts';
import { causeOf, endOf, faultTables, type TableRow } from '../support/fault-table.ts';
import { walkAll } from '../support/fault-walk.ts';
import { givenMerchant, type GivenMerchant, type PaymentBody } from '../support/givens.ts';
import { compareDay } from '../support/reconcile.ts';
import { stopWithSoundLedger } from '../support/sound-ledger.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** How long we wait for an issuer that is SLOW: longer than for one that is not, on a busy machine, too. */
const PATIENCE_MS = 2_000;

const [rows = []] = await faultTables('docs/unknown-outcomes.md');

let stack: Stack;
let credit: CreditSide;
let merchant: GivenMerchant;

beforeAll(async () => {
  stack = await startStack({ workers: 0, tillDeadlineMs: 30_000 });
  await stack.startWorker({ issuerTimeoutMs: PATIENCE_MS });
  merchant = await givenMerchant(stack);
  credit = await connectCredit(stack);
});
afterAll(async () => {
  await credit.issuer.close();
  await stopWithSoundLedger(stack);
});

type Order = Pick<PaymentBody, 'merchantPaymentId'>;

const handleOf = ({ merchantPaymentId }: Order) =>
  stack.temporal.workflow.getHandle(paymentWorkflowId(merchant.merchantId, merchantPaymentId));
const resultOf = (it: Order): Promise<unknown> => handleOf(it).result();

/** A payment of 1,000 on credit as a till would send it, and its keys at the issuer. */
async function givenOrder() {
  const { issuer, issuerId } = credit;
  const order = await givenCreditOrder(stack, issuer, { issuerId, amount: 1_000 });
  const keys = paymentOperationKeys(merchant.merchantId, order.body.merchantPaymentId);
  return { ...order, keys };
}

async function breaksOf(paymentId: unknown) {
  const found = await stack.pool.query<{
    class: string;
    counterpart: string;
    reference: string;
    detail: string;
  }>('select class, counterpart, reference, detail from reconciliation_break where payment_id = $1', [
    paymentId,
  ]);
  return found.rows;
}

describe('what an issuer does', () => {
  let ends: TableRow[];

  beforeAll(async () => {
    const world = { ...stack, ...credit, merchant };
    ends = await walkAll(
      credit.issuer,
      rows.map((row) => creditCase(world, row)),
    );
  }, 200_000);

  it.each(rows.map((row, i) => [causeOf(row), row, i] as const))(
    '%s, ends as docs/unknown-outcomes.md says',
    (_cause, row, i) => {
      expect(ends[i]).toEqual(endOf(row));
    },
  );

  it('is in the table for every step', () => {
    const faults = ['DECLINE', 'ERROR_500', 'NOT_FOUND', 'SLOW', 'TIME_OUT_AFTER_COMMIT', 'TIME_OUT_BEFORE'];
    for (const at of ['AUTHORISE', 'CAPTURE', 'VOID', 'REFUND', 'DISPUTE']) {
      const found = rows.filter((row) => row.at === at).map((row) => row['the issuer']);
      expect(found).toEqual(expect.arrayContaining(faults));
    }
  });

  it('is known before anything is taken back, and its books add up', async () => {
    expect(await voidsOfUnknown(stack.pool)).toEqual([]);
    expect((await credit.issuer.books()).breaks).toEqual([]);
  });
});

describe('an issuer', () => {
  beforeEach(() => credit.issuer.setFaults());

  it('that does not find what it has booked: the void says what came too late, told to a person and kept with the call', async () => {
    const { issuer, issuerId } = credit;
    const { accountRef, body, keys } = await givenOrder();
    await issuer.setFaults(
      { operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1, delayMs: 0 },
      { operation: 'LOOK_UP', fault: 'NOT_FOUND', times: 1 },
    );
    const answer = await merchant.call('POST', '/v1/payments', body);
    expect(answer.body).toMatchObject({ status: 'DECLINED', declineCode: 'CREDIT_DECLINED' });
    expect((await issuer.accountOf(accountRef)).used).toBe(0);
    const admin = apiClient(stack.baseUrl, stack.adminKey);
    const calls = await admin<{ items: unknown[] }>(
      'GET',
      `/v1/issuers/${issuerId}/attempts?key=${keys.void}`,
    );
    expect(calls.body.items).toMatchObject([{ operation: 'VOID', outcome: 'DONE', released: 1_000 }]);
    const found = await breaksOf(answer.body.paymentId);
    expect(found).toMatchObject([{ class: 'late', counterpart: 'ISSUER', reference: keys.void }]);
    expect(found[0]?.detail).toContain('1000 JPY back');
  });

  it('that refuses a capture as VOIDED though nobody canceled here leaves that to a person', async () => {
    const { body, keys } = await givenOrder();
    await credit.issuer.setFaults({ operation: 'CAPTURE', fault: 'SLOW', times: 1 });
    const answer = await merchant.call('POST', '/v1/payments', body);
    expect(answer.body).toMatchObject({ status: 'COMPLETED' });
    const byItself = 'update issuer.authorisation set voided_at = now() where authorisation_key = $1';
    await stack.pool.query(byItself, [keys.authorise]);
    await credit.issuer.setFaults();
    await resultOf(body);
    expect(await breaksOf(answer.body.paymentId)).toMatchObject([
      { class: 'unknown_outcome', reference: keys.capture },
    ]);
  });

  it('of credit in yen is not asked for a payment at a till of another currency, which is declined', async () => {
    const { body } = await givenOrder();
    const abroad = await givenMerchant(stack, { currency: 'USD' });
    const answer = await abroad.call('POST', '/v1/payments', { ...body, currency: 'USD' });
    expect(answer.body).toMatchObject({ status: 'DECLINED', declineCode: 'CREDIT_DECLINED' });
    const { authorise } = paymentOperationKeys(abroad.merchantId, body.merchantPaymentId);
    expect(await credit.issuer.stored(authorise)).toBeUndefined();
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

  it('that is silent: the run that a person declined gone before its void, a run that finds the decline voids it', async () => {
    const { issuer } = credit;
    const { accountRef, body, keys } = await givenOrder();
    await issuer.setFaults(
      { operation: 'AUTHORISE', fault: 'TIME_OUT_AFTER_COMMIT', times: 1, delayMs: 0 },
      { operation: 'LOOK_UP', fault: 'ERROR_500', times: 100 },
    );
    const first = merchant.call('POST', '/v1/payments', body);
    await until('the authorisation', () => issuer.stored(keys.authorise));
    await handleOf(body).terminate('test');
    // What an operator's word had committed before.
    await decideCredit(stack.pool, {
      merchantId: merchant.merchantId,
      merchantPaymentId: body.merchantPaymentId,
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
    await resultOf(body);
    expect((await issuer.accountOf(accountRef)).used).toBe(0);
  });

  it.each(['eagerly', 'by update'])(
    'that is silent: of a workflow, started %s and terminated, another body under its id moves nothing, the same goes on',
    async (how) => {
      const eager = how === 'eagerly';
      const own = eager ? stack : await startStack({ workers: 0, eager });
      if (!eager) await own.startWorker({ issuerTimeoutMs: PATIENCE_MS });
      const till = eager ? merchant : await givenMerchant(own);
      const { issuer, issuerId } = eager ? credit : await connectCredit(own);
      const { accountRef, body } = await givenCreditOrder(own, issuer, { issuerId, amount: 500 });
      await issuer.setFaults(
        { operation: 'AUTHORISE', fault: 'TIME_OUT_BEFORE', times: 100, delayMs: 0 },
        { operation: 'LOOK_UP', fault: 'ERROR_500', times: 100 },
      );
      const first = till.call('POST', '/v1/payments', body);
      await until('the payment', async () => {
        const found = await till.call('GET', `/v1/payments/${body.merchantPaymentId}`);
        return found.body.fundingSource === 'PAY_LATER';
      });
      const workflowId = paymentWorkflowId(till.merchantId, body.merchantPaymentId);
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
      if (eager) return;
      await issuer.close();
      await stopWithSoundLedger(own);
    },
  );
});
