import type { Client } from '@temporalio/client';
import { expect } from 'vitest';
import type { Pool } from '../../db/pool.ts';
import { paymentOperationKeys, refundOperationKey } from '../../domain/credit/credit.ts';
import { paymentCancelWorkflowId } from '../../workflows/payment-cancel/contract.ts';
import { paymentWorkflowId, resolveDispute } from '../../workflows/payment/contract.ts';
import { refundWorkflowId } from '../../workflows/refund/contract.ts';
import { AWAITING_OPERATOR } from '../../workflows/search-attributes.ts';
import { givenCreditOrder } from './credit.ts';
import type { TableRow } from './fault-table.ts';
import type { FaultCase } from './fault-walk.ts';
import { uniqueId, type GivenMerchant, type Target } from './givens.ts';
import type { TestIssuer } from './issuer.ts';
import { givenOfflinePhone, lastStep } from './offline.ts';
import { until } from './until.ts';

/** Where payments on credit are made: a Kessai, an issuer it knows, and a merchant. */
export interface CreditWorld extends Target {
  readonly pool: Pool;
  readonly temporal: Client;
  readonly issuer: TestIssuer;
  readonly issuerId: string;
  readonly merchant: GivenMerchant;
}

type Step = 'AUTHORISE' | 'CAPTURE' | 'VOID' | 'REFUND' | 'DISPUTE';

/** A payment of 1,000 on credit up to a step at its issuer; of the refund, 400 of it; of a dispute's, all. */
export function creditCase(world: CreditWorld, row: TableRow): FaultCase {
  const at = row.at as Step;
  const { merchant, issuer, issuerId, pool, temporal } = world;
  const { merchantId } = merchant;
  const merchantPaymentId = uniqueId('p');
  const merchantRefundId = uniqueId('r');
  const keys = paymentOperationKeys(merchantId, merchantPaymentId);
  const refundKey = at === 'DISPUTE' ? keys.disputeRefund : refundOperationKey(merchantId, merchantRefundId);
  const keyOf = { AUTHORISE: keys.authorise, CAPTURE: keys.capture, VOID: keys.void, REFUND: refundKey };
  const asked = at === 'DISPUTE' ? 'REFUND' : at;
  const path = `/v1/payments/${merchantPaymentId}`;
  const payment = temporal.workflow.getHandle(paymentWorkflowId(merchantId, merchantPaymentId));
  const ending = {
    AUTHORISE: payment,
    CAPTURE: payment,
    DISPUTE: payment,
    VOID: temporal.workflow.getHandle(paymentCancelWorkflowId(merchantId, merchantPaymentId)),
    REFUND: temporal.workflow.getHandle(refundWorkflowId(merchantId, merchantRefundId)),
  }[at];
  let order: Awaited<ReturnType<typeof givenCreditOrder>>;

  /** As a till does: again, where a busy machine answers that it does not know. */
  async function post(to: string, body: unknown): Promise<void> {
    const { status } = await until('an answer', async () => {
      const answer = await merchant.call('POST', to, body);
      return answer.status === 503 ? undefined : answer;
    });
    // A refund that its issuer refuses at once is a 422.
    expect([200, 202, ...(to.endsWith('/refunds') ? [422] : [])], to).toContain(status);
  }
  const pay = (): Promise<void> => post('/v1/payments', { ...order.body, merchantPaymentId });

  /** Paid by an offline code, which the phone's journal then does not have; an operator is asked. */
  async function prepareDispute(): Promise<void> {
    const { payer } = order;
    await payer.call('PUT', '/v1/offline-preference', { fundingSource: 'PAY_LATER' });
    const phone = await givenOfflinePhone(payer);
    const step = await lastStep();
    await post('/v1/payments', { ...order.body, merchantPaymentId, code: await phone.code(step) });
    await until('the capture', async () => (await issuer.accountOf(order.accountRef)).captured === 1_000);
    await phone.journal({ steps: [], fromStep: step, toStep: step });
    await until('the operator to be asked', async () => {
      const { typedSearchAttributes } = await payment.describe();
      return typedSearchAttributes.get(AWAITING_OPERATOR) === true;
    });
  }

  async function refundStatus(): Promise<string> {
    const found = await pool.query<{ status: string }>(
      'select status from refund where merchant_id = $1 and merchant_payment_id = $2',
      [merchantId, merchantPaymentId],
    );
    return found.rows.map((row) => row.status).join(', ');
  }

  return {
    row,
    keyOf: (operation) => (operation in keyOf ? keyOf[operation as keyof typeof keyOf] : keyOf[asked]),
    async prepare() {
      order = await givenCreditOrder(world, issuer, { issuerId, amount: 1_000 });
      if (at === 'DISPUTE') await prepareDispute();
      if (at !== 'VOID' && at !== 'REFUND') return;
      await pay();
      await payment.result();
    },
    strike() {
      switch (at) {
        case 'AUTHORISE':
        case 'CAPTURE':
          return pay();
        case 'VOID':
          return post(`${path}/cancel`, {});
        case 'REFUND':
          return post(`${path}/refunds`, { merchantRefundId, amount: 400 });
        case 'DISPUTE':
          return payment.signal(resolveDispute, { operator: 'mei', action: 'REFUND', reason: 'stolen' });
      }
    },
    ended: () => ending.result(),
    async figures(): Promise<TableRow> {
      const { body } = await merchant.call<{ status: string; paymentId: string }>('GET', path);
      const booked = await pool.query<{ sum: number }>(
        `select coalesce(sum(e.amount), 0)::bigint as sum from entry e
          where e.account_id like 'merchant:%' and e.transfer_id in (
            select transfer_id from payment where payment_id = $1
            union all select 'cancel:' || $1
            union all select transfer_id from refund where payment_id = $1)`,
        [body.paymentId],
      );
      const breaks = await pool.query(
        `select 1 from reconciliation_break where payment_id = $1 and class = 'unknown_outcome'`,
        [body.paymentId],
      );
      const { used } = await issuer.accountOf(order.accountRef);
      return {
        payment: body.status,
        refund: await refundStatus(),
        merchant: String(booked.rows[0]?.sum),
        issuer: String(used),
        'a person is asked': breaks.rowCount === 0 ? 'no' : 'yes',
      };
    },
  };
}

/** Voids that were sent although nobody had taken anything back and no look-up had said that there was nothing. */
export async function voidsOfUnknown(pool: Pool): Promise<string[]> {
  const found = await pool.query<{ key: string }>(
    `select v.operation_key as key from issuer_attempt v
      where v.operation = 'VOID'
        and not exists (select 1 from payment p where p.status = 'CANCELED'
                          and v.operation_key = 'payment:' || p.merchant_id || ':' || p.merchant_payment_id || ':void')
        and not exists (select 1 from issuer_attempt l where l.operation = 'LOOK_UP' and l.outcome = 'NOT_FOUND'
                          and l.operation_key = regexp_replace(v.operation_key, ':void$', ':authorise')
                          and l.attempt_id < v.attempt_id)`,
  );
  return found.rows.map((row) => row.key);
}
