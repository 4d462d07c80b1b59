import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { beginRefund, type BeginRefundRequest, type StoredRefund } from '../../db/refund.ts';
import { PAYMENT_POLICY, type PaymentView } from '../../domain/payment/payment.ts';
import { createTestLedger, type TestLedger } from '../support/ledger.ts';
import { uniqueId } from '../support/givens.ts';
import { settleDirectly } from '../support/settle.ts';

let ledger: TestLedger;
let payment: PaymentView;

beforeEach(async () => {
  ledger = await createTestLedger();
  await ledger.pool.query(
    `insert into merchant (merchant_id, name, time_zone, currency) values ('shop', 'Shop', 'Asia/Tokyo', 'JPY')`,
  );
  const account = await ledger.givenAccount(1_000);
  payment = await settleDirectly(ledger.pool, account.split(':')[1] ?? '', { amount: 500 });
  await giveBack(200);
});
afterEach(() => ledger.drop());

function giveBack(amount: number, it: Partial<BeginRefundRequest> = {}): Promise<StoredRefund> {
  const merchantRefundId = uniqueId('r');
  const now = new Date().toISOString();
  return beginRefund(ledger.pool, {
    refundId: `ref_${merchantRefundId}`,
    merchantId: 'shop',
    merchantRefundId,
    merchantPaymentId: payment.merchantPaymentId,
    amount,
    requestHash: merchantRefundId,
    attemptId: 'a',
    requestedAt: now,
    decidedAt: now,
    refundWindowDays: PAYMENT_POLICY.refundWindowDays,
    ...it,
  });
}

/** Breaks the books as only somebody who switches the triggers off could. */
async function forge(statement: string): Promise<void> {
  await ledger.pool.query(`begin; set local session_replication_role = replica; ${statement}; commit`);
}

const MOVED =
  'each completed refund has moved its amount back to where its payment came from, and no other refund has moved anything';
const SUM = 'the refunded amount of each payment is the sum of its completed refunds';
const ALL = 'a payment is REFUNDED when all of it has been given back, and only then';
const BEYOND = 'no payment is given back beyond its amount, and none that was not taken or was canceled';
const ONE = 'each refund transfer belongs to one refund';
const OF = 'each refund is of a payment of its merchant in its currency';

describe('ledger:verify of refunds', () => {
  it('finds refunds sound: partial, complete and refused', async () => {
    expect((await verifyLedger(ledger.pool)).breaks).toEqual([]);
    expect((await giveBack(301)).view.failCode).toBe('REFUND_EXCEEDS_REMAINING');
    expect((await giveBack(300)).view.status).toBe('COMPLETED');
    expect((await verifyLedger(ledger.pool)).breaks).toEqual([]);
  });

  it.each([
    ['a refund of another amount than was moved', 'update refund set amount = 100', [MOVED, SUM]],
    [
      'a refund that says it failed and has moved money',
      `update refund set status = 'FAILED', fail_code = 'CONFLICT_STATE'`,
      [MOVED, SUM],
    ],
    ['a refund without a transfer', `update refund set transfer_id = null`, [MOVED, ONE]],
    ['a refund that is gone', 'delete from refund', [ONE, SUM]],
    [
      'a refund that went to somebody else',
      `update payment set payer_id = 'nobody'`,
      [
        'each payment that was taken has moved its amount from its source to its merchant, and nothing else',
        MOVED,
      ],
    ],
    ['a refund of a payment of another merchant', `update refund set merchant_id = 'other'`, [MOVED, OF]],
    ['another refunded amount than was given back', 'update payment set refunded_amount = 0', [SUM]],
    ['a payment REFUNDED before all of it is', `update payment set status = 'REFUNDED'`, [ALL]],
    [
      'more on its way than there was',
      `insert into refund (refund_id, kind, merchant_id, merchant_refund_id, payment_id, merchant_payment_id, status, amount,
                           currency, request_hash, attempt_id, requested_at)
       select 'ref_x', 'MERCHANT', merchant_id, 'x', payment_id, merchant_payment_id, 'IN_PROGRESS', 301, currency, 'h', 'a', now()
         from payment`,
      [BEYOND],
    ],
  ])('finds %s', async (_, forgery, checks) => {
    await forge(forgery);
    const { breaks } = await verifyLedger(ledger.pool);
    expect([...new Set(breaks.map((it) => it.check))]).toEqual(checks);
  });
});

describe('a refund in the database', () => {
  it('under an id that another payment’s refund took at the same time finds that one', async () => {
    const other = await settleDirectly(ledger.pool, (await ledger.givenAccount(1_000)).split(':')[1] ?? '', {
      amount: 500,
    });
    const merchantRefundId = 'the-same';
    const both = await Promise.all([
      giveBack(100, { merchantRefundId, refundId: 'ref_1' }),
      giveBack(100, {
        merchantRefundId,
        refundId: 'ref_2',
        merchantPaymentId: other.merchantPaymentId,
        requestHash: 'other',
      }),
    ]);
    expect(both[0].view).toEqual(both[1].view);
    expect(both.filter((it) => it.replayed)).toHaveLength(1);
    expect((await verifyLedger(ledger.pool)).breaks).toEqual([]);
  });

  it('of a payment that is IN_PROGRESS is refused', async () => {
    await forge(`update payment set status = 'IN_PROGRESS', decided_at = null`);
    expect((await giveBack(1)).view).toMatchObject({ status: 'FAILED', failCode: 'CONFLICT_STATE' });
  });
});
