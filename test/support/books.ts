import { assertDefined } from '../../domain/assert.ts';
import { createUser } from '../../db/user.ts';
import { accountId, postTransfer } from '../../db/ledger.ts';
import { cancelPayment } from '../../db/payment.ts';
import type { Pool } from '../../db/pool.ts';
import { PAYMENT_POLICY, type PaymentView } from '../../domain/payment/payment.ts';
import { uniqueId } from './givens.ts';
import { settleDirectly } from './settle.ts';

/** A merchant's books at moments of the test's choice, all in the past. */
export interface TestBooks {
  readonly userId: string;
  pay(at: string, amount: number, it?: { merchantPaymentId?: string }): Promise<PaymentView>;
  cancel(payment: PaymentView, at: string): Promise<void>;
  /** A refund as REFUND's routine leaves it. */
  refund(payment: PaymentView, at: string, amount: number, kind?: 'MERCHANT' | 'DISPUTE'): Promise<string>;
  /** Makes a payment one of an offline code, with what its device's journal said. */
  offline(payment: PaymentView, reconciliation: string, at: string): Promise<void>;
  /** What moved on the merchant's account on a local day. */
  movedOn(day: string, timeZone: string): Promise<number>;
}

export async function testBooks(pool: Pool, merchantId: string): Promise<TestBooks> {
  const userId = uniqueId('u');
  const person = { userId, displayName: 'U', locale: 'ja', timeZone: 'Asia/Tokyo', requestHash: '' };
  await createUser(pool, person);
  await postTransfer(pool, {
    transferId: `topup:${userId}`,
    kind: 'TOP_UP',
    currency: 'JPY',
    postedAt: new Date('2025-01-01T00:00:00Z'),
    entries: [
      { accountId: accountId.funding('JPY'), amount: -10_000_000 },
      { accountId: accountId.user(userId, 'JPY'), amount: 10_000_000 },
    ],
  });
  return {
    userId,
    async pay(at, amount, it = {}) {
      const view = await settleDirectly(pool, userId, {
        merchantId,
        amount,
        requestedAt: at,
        decidedAt: at,
        acceptSimilar: true,
        ...(it.merchantPaymentId === undefined ? {} : it),
      });
      if (view.status !== 'COMPLETED')
        throw new Error(`the payment is ${view.status} ${view.declineCode ?? ''}`);
      return view;
    },
    async cancel(payment, at) {
      const { merchantPaymentId } = payment;
      const result = await cancelPayment(pool, {
        paymentId: 'unused',
        merchantId,
        merchantPaymentId,
        decidedAt: at,
        policyVersion: PAYMENT_POLICY.version,
      });
      if (result.kind !== 'done') throw new Error(`the cancel is ${result.kind}`);
    },
    async refund(payment, at, amount, kind = 'MERCHANT') {
      const refundId = uniqueId('ref');
      const source = kind === 'DISPUTE' ? 'system:dispute-loss:JPY' : accountId.merchant(merchantId, 'JPY');
      await pool.query('select ledger_post($1, $2, $3, $4, $5, $6)', [
        `refund:${refundId}`,
        kind === 'DISPUTE' ? 'DISPUTE_REFUND' : 'REFUND',
        'JPY',
        at,
        [source, accountId.user(userId, 'JPY')],
        [-amount, amount],
      ]);
      await pool.query(
        `insert into refund (refund_id, kind, merchant_id, merchant_refund_id, payment_id, merchant_payment_id, status,
                             amount, currency, transfer_id, funding_source, request_hash, attempt_id, requested_at, decided_at)
         values ($1, $2, $3, $4, $5, $6, 'COMPLETED', $7, 'JPY', $8, 'BALANCE', 'h', 'a', $9, $9)`,
        [
          refundId,
          kind,
          merchantId,
          kind === 'DISPUTE' ? null : `r-${refundId}`,
          payment.paymentId,
          payment.merchantPaymentId,
          amount,
          `refund:${refundId}`,
          at,
        ],
      );
      await pool.query(
        `update payment set refunded_amount = refunded_amount + $2,
                            status = case when refunded_amount + $2 = amount then 'REFUNDED' else status end
          where payment_id = $1`,
        [payment.paymentId, amount],
      );
      return refundId;
    },
    async offline(payment, reconciliation, at) {
      await pool.query(
        `update payment set code_mode = 'OFFLINE', offline_handle = '0123456789', offline_step = 1, reconciliation = $2,
                            reconciled_at = $3 where payment_id = $1`,
        [payment.paymentId, reconciliation, at],
      );
    },
    async movedOn(day, timeZone) {
      const found = await pool.query<{ moved: number }>(
        `select coalesce(sum(amount), 0)::bigint as moved from entry
          where account_id = $1 and (posted_at at time zone $2)::date = $3::date`,
        [accountId.merchant(merchantId, 'JPY'), timeZone, day],
      );
      return assertDefined(found.rows[0]).moved;
    },
  };
}

/** Breaks what the database guards, as only somebody who switches the triggers off could. */
export async function forge(pool: Pool, statement: string): Promise<void> {
  await pool.query(`begin; set local session_replication_role = replica; ${statement}; commit`);
}
