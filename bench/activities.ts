import { accountId, postTransfer } from '../db/ledger.ts';
import { firstRow, oneRow, type Pool } from '../db/pool.ts';
import { PAYMENT_POLICY, type PaymentView } from '../domain/payment/payment.ts';
import type { PaymentInput } from '../workflows/payment/contract.ts';

interface TakenCode {
  readonly userId: string;
  readonly deviceId: string;
  readonly fundingSource: string;
}

interface Step {
  readonly userId: string;
  readonly payment: PaymentInput;
  readonly at: string;
}

/**
 * The SQL work of `payment_settle` cut into four activities, each one statement and one transaction of its own, with the
 * same tables and triggers. For comparison only: without the lock around all four, two tills could spend the same yen.
 */
export function createFourStepActivities(pool: Pool) {
  return {
    async takeCode(it: { codeDigest: string; paymentId: string; at: string }): Promise<TakenCode> {
      const statement = {
        name: 'bench_take_code',
        text: `update one_time_code set used_at = $3, used_by = $2
                where code_digest = decode($1, 'hex') and (used_at is null or used_by = $2) and expires_at > $3
                returning user_id as "userId", device_id as "deviceId", funding_source as "fundingSource"`,
      };
      return oneRow<TakenCode & Record<string, unknown>>(pool, statement, [
        it.codeDigest,
        it.paymentId,
        it.at,
      ]);
    },

    async checkFunds({ userId, payment, at }: Step): Promise<void> {
      const statement = {
        name: 'bench_check_funds',
        text: `select 1 from app_user u join balance b on b.account_id = $2
                where u.user_id = $1 and u.status = 'ACTIVE' and b.posted - b.held >= $3
                  and not exists (
                    select 1 from payment p where p.payer_id = $1 and p.requested_at > $4::timestamptz - interval '3 minutes'
                       and p.status = 'COMPLETED' and p.merchant_id = $5 and p.store_id = $6 and p.amount = $3)`,
      };
      const found = await firstRow(pool, statement, [
        userId,
        accountId.user(userId, payment.currency),
        payment.amount,
        at,
        payment.merchantId,
        payment.storeId,
      ]);
      if (found === undefined) throw new Error('the payment would be declined');
    },

    async postEntries({ userId, payment, at }: Step): Promise<void> {
      await postTransfer(pool, {
        transferId: `payment:${payment.paymentId}`,
        kind: 'PAYMENT',
        currency: payment.currency,
        postedAt: new Date(at),
        entries: [
          { accountId: accountId.user(userId, payment.currency), amount: -payment.amount },
          { accountId: accountId.merchant(payment.merchantId, payment.currency), amount: payment.amount },
        ],
      });
    },

    async writePayment(it: Step & TakenCode): Promise<PaymentView> {
      const statement = {
        name: 'bench_write_payment',
        text: `with paid as (
                 insert into payment (payment_id, merchant_id, merchant_payment_id, store_id, terminal_id, status, amount,
                   currency, code_mode, funding_source, payer_id, device_id, transfer_id, request_hash, attempt_id,
                   policy_version, requested_at, decided_at)
                 values ($1, $2, $3, $4, $5, 'COMPLETED', $6, $7, 'ONLINE', $8, $9, $10, 'payment:' || $1, $11, $12, $13, $14, $14)
                 on conflict (payment_id) do update set attempt_id = payment.attempt_id
                 returning *),
               payer as (update app_user set event_seq = event_seq + 1 where user_id = $9 returning event_seq),
               told as (
                 insert into user_event (user_id, seq, kind, payload, created_at)
                 select $9, payer.event_seq, 'payment.completed', payment_view(paid), $14 from paid, payer)
               select payment_view(paid) as view from paid`,
      };
      const { payment } = it;
      const row = await oneRow<{ view: PaymentView }>(pool, statement, [
        payment.paymentId,
        payment.merchantId,
        payment.merchantPaymentId,
        payment.storeId,
        payment.terminalId,
        payment.amount,
        payment.currency,
        it.fundingSource,
        it.userId,
        it.deviceId,
        payment.requestHash,
        payment.attemptId,
        PAYMENT_POLICY.version,
        it.at,
      ]);
      return row.view;
    },
  };
}
