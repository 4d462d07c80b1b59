import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accountId, authorise, capture, openMerchantAccount, postTransfer } from '../../db/ledger.ts';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { putMerchant } from '../../db/merchant.ts';
import { cancelPayment } from '../../db/payment.ts';
import { createUser } from '../../db/user.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { settleDirectly } from '../support/settle.ts';
import { uniqueId } from '../support/givens.ts';

let database: TestDatabase;
let payer: string;
const shop = accountId.merchant('shop', 'JPY');

beforeAll(async () => {
  database = await createTestDatabase();
  await putMerchant(database.pool, {
    merchantId: 'shop',
    name: 'x',
    timeZone: 'Asia/Tokyo',
    currency: 'JPY',
    webhookUrl: null,
    stores: [{ storeId: 's1', name: 's1', terminals: ['t1'] }],
  });
  await openMerchantAccount(database.pool, 'shop', 'JPY');
});
afterAll(() => database.drop());
beforeEach(async () => {
  payer = uniqueId('u');
  const user = { userId: payer, displayName: 'U', locale: 'ja', timeZone: 'Asia/Tokyo', requestHash: '' };
  await createUser(database.pool, user);
  await postTransfer(database.pool, {
    transferId: `topup:${payer}`,
    kind: 'TOP_UP',
    currency: 'JPY',
    postedAt: new Date(),
    entries: [
      { accountId: accountId.funding('JPY'), amount: -1_000 },
      { accountId: accountId.user(payer, 'JPY'), amount: 1_000 },
    ],
  });
});

async function breaksOf(): Promise<string[]> {
  const { breaks } = await verifyLedger(database.pool);
  return [...new Set(breaks.map((it) => it.check))];
}

/** As only somebody who switches the triggers off could. */
async function forge(statement: string): Promise<void> {
  await database.pool.query(`begin; set local session_replication_role = replica; ${statement}; commit`);
}

describe('a posted transfer', () => {
  it('gets no further entries, though they sum to zero', async () => {
    const text = `insert into entry (transfer_id, account_id, amount, posted_at)
                  values ('topup:${payer}', '${shop}', 7, now()), ('topup:${payer}', 'user:${payer}:JPY', -7, now())`;
    await expect(database.pool.query(text)).rejects.toThrow('LEDGER_APPEND_ONLY');
  });

  it('reverses another one exactly if it is a cancel', async () => {
    const text = `insert into transfer (transfer_id, kind, currency, posted_at) values ($1, 'PAYMENT_CANCEL', 'JPY', now())`;
    await expect(database.pool.query(text, [uniqueId('t')])).rejects.toThrow('check constraint');
  });
});

describe('a capture', () => {
  it.each([0, -1_000])('of %d is refused', async (amountMinor) => {
    const holdId = uniqueId('h');
    await authorise(database.pool, {
      holdId,
      accountId: accountId.user(payer, 'JPY'),
      amountMinor: 10,
      at: new Date(),
    });
    const it = {
      holdId,
      transferId: uniqueId('t'),
      kind: 'PAYMENT',
      toAccountId: shop,
      at: new Date(),
    } as const;
    await expect(capture(database.pool, { ...it, amountMinor })).rejects.toThrow('LEDGER_HOLD');
  });
});

describe('the proof', () => {
  it('finds a payment that another payer paid, and one that was paid twice', async () => {
    const first = await settleDirectly(database.pool, payer, { amount: 100 });
    expect(await breaksOf()).toEqual([]);
    const transfer = `payment:${first.paymentId}`;
    await forge(
      `update entry set account_id = 'user:other:JPY' where transfer_id = '${transfer}' and amount < 0`,
    );
    expect(await breaksOf()).toContain(
      'each payment that was taken has moved its amount from its source to its merchant, and nothing else',
    );
    await forge(
      `update entry set account_id = 'user:${payer}:JPY' where transfer_id = '${transfer}' and amount < 0`,
    );
    await forge(`insert into entry (transfer_id, account_id, amount, posted_at)
                 select transfer_id, account_id, amount, posted_at from entry where transfer_id = '${transfer}'`);
    expect(await breaksOf()).toContain(
      'each payment that was taken has moved its amount from its source to its merchant, and nothing else',
    );
    await forge(
      `delete from entry where entry_id in (select max(entry_id) from entry where transfer_id = '${transfer}' group by account_id)`,
    );
    expect(await breaksOf()).toEqual([]);
  });

  it('finds a cancel that gave back less than was paid', async () => {
    const paid = await settleDirectly(database.pool, payer, { amount: 100 });
    const request = { paymentId: 'unused', merchantId: 'shop', merchantPaymentId: paid.merchantPaymentId };
    await cancelPayment(database.pool, {
      ...request,
      decidedAt: new Date().toISOString(),
      policyVersion: '1',
    });
    expect(await breaksOf()).toEqual([]);
    const transfer = `cancel:${paid.paymentId}`;
    await forge(`update entry set amount = sign(amount) where transfer_id = '${transfer}'`);
    expect(await breaksOf()).toContain('each canceled payment is reversed once and in full, no other one is');
    await forge(`update entry set amount = amount * 100 where transfer_id = '${transfer}'`);
  });
});

describe('a similar payment', () => {
  it('is known by when it was asked for, however long its decision took', async () => {
    const asked = Date.now();
    const at = (ms: number): string => new Date(asked + ms).toISOString();
    await settleDirectly(database.pool, payer, { amount: 100, requestedAt: at(0), decidedAt: at(240_000) });
    const second = { amount: 100, requestedAt: at(10_000), decidedAt: at(240_000) };
    expect((await settleDirectly(database.pool, payer, second)).declineCode).toBe('SIMILAR_PAYMENT');
  });
});
