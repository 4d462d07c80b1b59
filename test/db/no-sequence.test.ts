import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OFFLINE_RULES } from '../../activities/payment.ts';
import { insertOneTimeCode } from '../../db/code.ts';
import { createEnrolment, enrolDevice } from '../../db/device.ts';
import { putIssuer, putPayLaterAccount } from '../../db/issuer.ts';
import { recordJournal } from '../../db/journal.ts';
import { accountId, entrySum, guardedBalance, postTransfer } from '../../db/ledger.ts';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { putMerchant } from '../../db/merchant.ts';
import {
  cancelPayment,
  decideCredit,
  reconcilePayment,
  resolveDispute,
  settlePayment,
  type SettleRequest,
} from '../../db/payment.ts';
import { beginRefund, finishRefund } from '../../db/refund.ts';
import { sqlState } from '../../db/tx.ts';
import { createUser } from '../../db/user.ts';
import { PAYMENT_POLICY } from '../../domain/payment/payment.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { uniqueId } from '../support/givens.ts';

/** Everything that can happen to a few payments of one user, in any order and at once, in the database alone. */
const TOP_UP = 3_000;
const MERCHANT = accountId.merchant('shop', 'JPY');
const LOSS = 'system:dispute-loss:JPY';
const ISSUER = 'issuer:lender:JPY';
const PERIOD_S = 30;
const NOW_S = 1_780_000_000;
const at = (seconds: number): string => new Date((NOW_S + seconds) * 1000).toISOString();

const DEEDS = [
  'pay',
  'authorised',
  'refused',
  'cancel',
  'refund',
  'refund booked',
  'refund refused',
  'journal with it',
  'journal without it',
  'deadline',
  'accept',
  'give back',
] as const;
interface Deed {
  readonly deed: (typeof DEEDS)[number];
  /** Which of the payments. */
  readonly which: number;
  readonly amount: number;
}
const deeds = fc.array(
  fc.record<Deed>({
    deed: fc.constantFrom(...DEEDS),
    which: fc.nat(3),
    amount: fc.integer({ min: 1, max: 1_500 }),
  }),
  { minLength: 4, maxLength: 24 },
);

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const { pool } = database;
  await putMerchant(pool, {
    merchantId: 'shop',
    name: 'Shop',
    timeZone: 'Asia/Tokyo',
    currency: 'JPY',
    webhookUrl: 'http://127.0.0.1:9/hook',
    stores: [],
  });
  await putIssuer(pool, {
    issuerId: 'lender',
    name: 'Lender',
    baseUrl: 'http://127.0.0.1:9',
    timeZone: 'Asia/Tokyo',
  });
});
afterAll(() => database.drop());

const OFFLINE_FUNDING = fc.constantFrom('BALANCE', 'PAY_LATER');

/** One user with two online payments (balance, credit) and two offline ones, of that source, to come. */
async function givenWorld(offlineFunding: string) {
  const { pool } = database;
  const userId = uniqueId('u');
  await createUser(pool, { userId, displayName: 'U', locale: 'ja', timeZone: 'Asia/Tokyo', requestHash: '' });
  await putPayLaterAccount(pool, { userId, issuerId: 'lender', accountRef: userId });
  await postTransfer(pool, {
    transferId: `topup:${userId}`,
    kind: 'TOP_UP',
    currency: 'JPY',
    postedAt: new Date(at(0)),
    entries: [
      { accountId: accountId.funding('JPY'), amount: -TOP_UP },
      { accountId: accountId.user(userId, 'JPY'), amount: TOP_UP },
    ],
  });
  const enrolmentCode = await createEnrolment(pool, userId, new Date(Date.now() + 60_000));
  const device = await enrolDevice(pool, { enrolmentCode, deviceName: 'phone', now: new Date() });
  if (device.kind !== 'enrolled') throw new Error(device.kind);
  const { deviceId } = device;
  const handle = String(Math.floor(Math.random() * 1e10)).padStart(10, '0');
  await pool.query(
    `insert into offline_key (handle, user_id, device_id, sealed, issued_at, refresh_after) values ($1, $2, $3, '', $4, $4)`,
    [handle, userId, deviceId, at(0)],
  );
  await pool.query('update device set last_contact_at = $2 where device_id = $1', [deviceId, at(0)]);
  await pool.query('update app_user set offline_funding_source = $2 where user_id = $1', [
    userId,
    offlineFunding,
  ]);
  const payments = await Promise.all([0, 1, 2, 3].map((which) => givenRequest(which)));
  return { userId, payments, act };

  async function givenRequest(which: number): Promise<SettleRequest> {
    const codeDigest = randomBytes(32).toString('hex');
    const isOffline = which >= 2;
    if (!isOffline) {
      await insertOneTimeCode(pool, {
        codeDigest,
        userId,
        deviceId,
        fundingSource: which === 0 ? 'BALANCE' : 'PAY_LATER',
        issuedAt: new Date(at(0)),
        expiresAt: new Date(at(300)),
      });
    }
    const merchantPaymentId = uniqueId('p');
    const offline = {
      offlineHandle: handle,
      offlineStep: Math.floor(NOW_S / PERIOD_S) + which,
      offlinePolicy: OFFLINE_RULES,
    };
    return {
      paymentId: `pay_${merchantPaymentId}`,
      merchantId: 'shop',
      merchantPaymentId,
      storeId: 's1',
      terminalId: 't1',
      amount: 1_000 + which,
      currency: 'JPY',
      acceptSimilar: true,
      codeMode: isOffline ? 'OFFLINE' : 'ONLINE',
      codeDigest,
      requestHash: merchantPaymentId,
      attemptId: merchantPaymentId,
      requestedAt: at(10),
      decidedAt: at(10),
      policyVersion: PAYMENT_POLICY.version,
      similarWindowMs: PAYMENT_POLICY.similarWindowMs,
      cancelUntilMinutesOfNextDay: PAYMENT_POLICY.cancelUntilMinutesOfNextDay,
      ...(isOffline ? offline : {}),
    };
  }

  function act({ deed, which, amount }: Deed): Promise<unknown> {
    const request = payments[which];
    if (request === undefined) throw new Error('no such payment');
    const { merchantId, merchantPaymentId } = request;
    // Amounts stand for ids too, so that some refunds are the same one again.
    const merchantRefundId = `${merchantPaymentId}-${amount % 4}`;
    const refundId = `ref_${merchantRefundId}`;
    switch (deed) {
      case 'pay':
        return settlePayment(pool, request);
      case 'authorised':
      case 'refused':
        return decideCredit(pool, {
          merchantId,
          merchantPaymentId,
          authorised: deed === 'authorised',
          decidedAt: at(20),
          cancelUntilMinutesOfNextDay: 15,
        });
      case 'cancel':
        return cancelPayment(pool, {
          paymentId: `${request.paymentId}t`,
          merchantId,
          merchantPaymentId,
          decidedAt: at(30),
          policyVersion: 'x',
        });
      case 'refund':
        return beginRefund(pool, {
          refundId,
          merchantId,
          merchantRefundId,
          merchantPaymentId,
          amount,
          requestHash: 'h',
          attemptId: 'a',
          requestedAt: at(40),
          decidedAt: at(40),
          refundWindowDays: 365,
        });
      case 'refund booked':
      case 'refund refused':
        return finishRefund(pool, {
          refundId,
          resolver: 'issuer',
          resolution: 'x',
          decidedAt: at(50),
          ...(deed === 'refund refused' ? { failCode: 'REFUND_REFUSED_BY_ISSUER' } : {}),
        });
      case 'journal with it':
      case 'journal without it':
        return recordJournal(pool, {
          journalId: uniqueId('j'),
          deviceId,
          userId,
          coversFrom: at(-60),
          coversTo: at(900),
          receivedAt: at(1_000),
          entries:
            deed === 'journal without it'
              ? []
              : [
                  {
                    entryId: merchantPaymentId,
                    isValid: true,
                    codeDigest: request.codeDigest,
                    offlineHandle: handle,
                    displayedAt: at(0),
                    clockOffsetMs: 0,
                    usableUntil: at(60),
                  },
                ],
        });
      case 'deadline':
        return reconcilePayment(pool, { merchantId, merchantPaymentId, at: at(8 * 86_400) });
      case 'accept':
      case 'give back':
        return resolveDispute(pool, {
          merchantId,
          merchantPaymentId,
          operator: 'mei',
          action: deed === 'accept' ? 'ACCEPT' : 'REFUND',
          reason: 'x',
          at: at(60),
        });
    }
  }
}

describe('no sequence of pay, cancel, refund, dispute, retry, one after the other or at once', () => {
  it.each([
    ['one after the other', false],
    ['at once', true],
  ])('%s, makes money or loses it', async (_title, isAtOnce) => {
    const { pool } = database;
    await fc.assert(
      fc.asyncProperty(deeds, OFFLINE_FUNDING, async (given, offlineFunding) => {
        const before = await Promise.all([MERCHANT, LOSS, ISSUER].map((id) => entrySum(pool, id)));
        const world = await givenWorld(offlineFunding);
        // Most worlds begin with a payment or two: what comes before one is refused or leaves a tombstone.
        const all: Deed[] = [...given, ...given.filter((_, i) => i % 3 === 0)];
        const run = async (it: Deed): Promise<void> => {
          await world.act(it).catch((error: unknown) => {
            // Of something that is not there (no_data_found, P0002); never a deadlock or a broken rule of the ledger.
            if (sqlState(error) !== 'P0002') throw error;
          });
        };
        for (const which of [0, 1, 2, 3]) {
          if (given.length % 2 === 0) await run({ deed: 'pay', which, amount: 1 });
        }
        if (isAtOnce) await Promise.all(all.map(run));
        else for (const it of all) await run(it);

        const after = await Promise.all([MERCHANT, LOSS, ISSUER].map((id) => entrySum(pool, id)));
        const moved = after.map((sum, i) => sum - (before[i] ?? 0)).reduce((sum, it) => sum + it, 0);
        const balance = await guardedBalance(pool, accountId.user(world.userId, 'JPY'));
        expect((balance?.posted ?? 0) + moved).toBe(TOP_UP);
        const wrong = await pool.query(
          `select p.payment_id from payment p
            where p.payer_id = $1 and (p.refunded_amount > p.amount
              or (select coalesce(sum(f.amount), 0) from refund f
                   where f.payment_id = p.payment_id and f.status <> 'FAILED') > p.amount
              or p.status = 'CANCELED' and p.refunded_amount > 0)`,
          [world.userId],
        );
        expect(wrong.rows).toEqual([]);
        expect((await verifyLedger(pool)).breaks).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });
});
