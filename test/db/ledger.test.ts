import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountId,
  authorise,
  capture,
  entrySum,
  guardedBalance,
  openMerchantAccount,
  postTransfer,
  voidHold,
} from '../../db/ledger.ts';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { createUser } from '../../db/user.ts';
import { assertDefined } from '../../domain/assert.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { uniqueId } from '../support/givens.ts';

let database: TestDatabase;
const now = new Date('2026-11-22T03:00:00Z');
const shop = accountId.merchant('shop', 'JPY');

beforeAll(async () => {
  database = await createTestDatabase();
  await openMerchantAccount(database.pool, 'shop', 'JPY');
});
afterAll(() => database.drop());

async function givenAccount(balance: number): Promise<string> {
  const userId = uniqueId('u');
  await createUser(database.pool, {
    userId,
    displayName: 'U',
    locale: 'ja',
    timeZone: 'Asia/Tokyo',
    requestHash: '',
  });
  const id = accountId.user(userId, 'JPY');
  if (balance > 0) await move(`topup:${userId}`, accountId.funding('JPY'), id, balance, 'TOP_UP');
  return id;
}

function move(
  transferId: string,
  from: string,
  to: string,
  amount: number,
  kind: 'TOP_UP' | 'PAYMENT' = 'PAYMENT',
) {
  return postTransfer(database.pool, {
    transferId,
    kind,
    currency: 'JPY',
    postedAt: now,
    entries: [
      { accountId: from, amount: -amount },
      { accountId: to, amount },
    ],
  });
}

async function balanceOf(id: string) {
  return assertDefined(await guardedBalance(database.pool, id));
}

describe('a transfer', () => {
  it('moves money from one account to another', async () => {
    const payer = await givenAccount(1_000);
    const before = await entrySum(database.pool, shop);
    expect(await move(uniqueId('t'), payer, shop, 300)).toBe('POSTED');
    expect(await balanceOf(payer)).toEqual({ posted: 700, held: 0 });
    expect(await entrySum(database.pool, shop)).toBe(before + 300);
  });

  it('posted again under its id changes nothing', async () => {
    const payer = await givenAccount(1_000);
    const id = uniqueId('t');
    await move(id, payer, shop, 300);
    expect(await move(id, payer, shop, 300)).toBe('ALREADY_POSTED');
    expect(await balanceOf(payer)).toEqual({ posted: 700, held: 0 });
  });

  it('under the id of another one is told so', async () => {
    const payer = await givenAccount(1_000);
    const id = uniqueId('t');
    await move(id, payer, shop, 300);
    expect(await move(id, payer, shop, 301)).toBe('ID_REUSED');
    expect(await move(id, payer, payer, 300)).toBe('ID_REUSED');
    expect(await balanceOf(payer)).toEqual({ posted: 700, held: 0 });
  });

  it('posted by twenty callers at once is posted once', async () => {
    const payer = await givenAccount(1_000);
    const id = uniqueId('t');
    const results = await Promise.all(Array.from({ length: 20 }, () => move(id, payer, shop, 300)));
    expect(results.filter((it) => it === 'POSTED')).toHaveLength(1);
    expect(await balanceOf(payer)).toEqual({ posted: 700, held: 0 });
  });

  it('does not wait for a lock on the merchant account, and takes none', async () => {
    const payer = await givenAccount(1_000);
    const blocker = await database.pool.connect();
    try {
      await blocker.query('begin');
      await blocker.query('select 1 from account where account_id = $1 for update', [shop]);
      expect(await move(uniqueId('t'), payer, shop, 300)).toBe('POSTED');
    } finally {
      await blocker.query('rollback');
      blocker.release();
    }
  });
});

describe('the database itself refuses', () => {
  async function refusal(text: string, values: unknown[] = []): Promise<string> {
    return database.pool.query(text, values).then(
      () => 'accepted',
      (error: unknown) => String(error),
    );
  }

  it('entries that do not sum to zero', async () => {
    const payer = await givenAccount(1_000);
    const posting = postTransfer(database.pool, {
      transferId: uniqueId('t'),
      kind: 'PAYMENT',
      currency: 'JPY',
      postedAt: now,
      entries: [
        { accountId: payer, amount: -300 },
        { accountId: shop, amount: 299 },
      ],
    });
    await expect(posting).rejects.toThrow('LEDGER_NOT_ZERO_SUM');
    expect(await balanceOf(payer)).toEqual({ posted: 1_000, held: 0 });
  });

  it('a single entry added to an old transfer', async () => {
    const payer = await givenAccount(1_000);
    const id = uniqueId('t');
    await move(id, payer, shop, 300);
    const text = 'insert into entry (transfer_id, account_id, amount, posted_at) values ($1, $2, 5, now())';
    expect(await refusal(text, [id, payer])).toContain('LEDGER_NOT_ZERO_SUM');
  });

  it('a transfer without entries', async () => {
    const text = `insert into transfer (transfer_id, kind, currency, posted_at) values ($1, 'PAYMENT', 'JPY', now())`;
    expect(await refusal(text, [uniqueId('t')])).toContain('LEDGER_EMPTY_TRANSFER');
  });

  it('an unknown account and one of another currency', async () => {
    const payer = await givenAccount(1_000);
    await expect(move(uniqueId('t'), payer, 'merchant:nobody:JPY', 1)).rejects.toThrow('LEDGER_ACCOUNT');
    await openMerchantAccount(database.pool, 'dollar-shop', 'USD');
    await expect(move(uniqueId('t'), payer, accountId.merchant('dollar-shop', 'USD'), 1)).rejects.toThrow(
      'LEDGER_ACCOUNT',
    );
  });

  it('an overdrawn account', async () => {
    const payer = await givenAccount(299);
    await expect(move(uniqueId('t'), payer, shop, 300)).rejects.toThrow('balance_covers_holds');
    expect(await balanceOf(payer)).toEqual({ posted: 299, held: 0 });
  });

  it.each([
    ['entry', 'update entry set amount = amount'],
    ['entry', 'delete from entry'],
    ['entry', 'truncate entry'],
    ['transfer', `update transfer set kind = 'PAYMENT'`],
    ['transfer', 'delete from transfer'],
    ['account', 'delete from account'],
    ['balance', 'delete from balance'],
    ['hold', 'delete from hold'],
  ])('to change a posted %s: %s', async (_, text) => {
    const payer = await givenAccount(1_000);
    await authorise(database.pool, { holdId: uniqueId('h'), accountId: payer, amountMinor: 1, at: now });
    expect(await refusal(text)).toMatch(/LEDGER_APPEND_ONLY|cannot truncate/);
  });

  it('a balance that is set by hand', async () => {
    const payer = await givenAccount(1_000);
    expect(await refusal('update balance set posted = 5000 where account_id = $1', [payer])).toContain(
      'LEDGER_BALANCE',
    );
  });
});

describe('a hold', () => {
  it('lowers what is available, not what is posted', async () => {
    const payer = await givenAccount(1_000);
    expect(
      await authorise(database.pool, { holdId: uniqueId('h'), accountId: payer, amountMinor: 700, at: now }),
    ).toBe('HELD');
    expect(await balanceOf(payer)).toEqual({ posted: 1_000, held: 700 });
    expect(
      await authorise(database.pool, { holdId: uniqueId('h'), accountId: payer, amountMinor: 301, at: now }),
    ).toBe('INSUFFICIENT_FUNDS');
    await expect(move(uniqueId('t'), payer, shop, 301)).rejects.toThrow('balance_covers_holds');
    expect(await move(uniqueId('t'), payer, shop, 300)).toBe('POSTED');
  });

  it('captured in part releases the rest', async () => {
    const payer = await givenAccount(1_000);
    const holdId = uniqueId('h');
    await authorise(database.pool, { holdId, accountId: payer, amountMinor: 700, at: now });
    const it = {
      holdId,
      transferId: uniqueId('t'),
      kind: 'PAYMENT',
      toAccountId: shop,
      amountMinor: 600,
      at: now,
    } as const;
    expect(await capture(database.pool, it)).toBe('CAPTURED');
    expect(await capture(database.pool, it)).toBe('CAPTURED');
    expect(await balanceOf(payer)).toEqual({ posted: 400, held: 0 });
  });

  it('voided gives everything back, once, and cannot be captured any more', async () => {
    const payer = await givenAccount(1_000);
    const holdId = uniqueId('h');
    await authorise(database.pool, { holdId, accountId: payer, amountMinor: 700, at: now });
    expect(await voidHold(database.pool, holdId, now)).toBe('VOIDED');
    expect(await voidHold(database.pool, holdId, now)).toBe('VOIDED');
    const it = {
      holdId,
      transferId: uniqueId('t'),
      kind: 'PAYMENT',
      toAccountId: shop,
      amountMinor: 1,
      at: now,
    } as const;
    expect(await capture(database.pool, it)).toBe('VOIDED');
    expect(await balanceOf(payer)).toEqual({ posted: 1_000, held: 0 });
  });

  it('cannot be captured for more than it holds, nor void what was captured', async () => {
    const payer = await givenAccount(1_000);
    const holdId = uniqueId('h');
    await authorise(database.pool, { holdId, accountId: payer, amountMinor: 700, at: now });
    const it = { holdId, transferId: uniqueId('t'), kind: 'PAYMENT', toAccountId: shop, at: now } as const;
    await expect(capture(database.pool, { ...it, amountMinor: 701 })).rejects.toThrow('LEDGER_HOLD');
    await capture(database.pool, { ...it, amountMinor: 700 });
    expect(await voidHold(database.pool, holdId, now)).toBe('CAPTURED');
    expect(await balanceOf(payer)).toEqual({ posted: 300, held: 0 });
  });

  it('raced by capture and void ends in one of the two, with all money accounted for', async () => {
    const payer = await givenAccount(1_000);
    const holdId = uniqueId('h');
    await authorise(database.pool, { holdId, accountId: payer, amountMinor: 700, at: now });
    const it = {
      holdId,
      transferId: uniqueId('t'),
      kind: 'PAYMENT',
      toAccountId: shop,
      amountMinor: 700,
      at: now,
    } as const;
    const ends = await Promise.all([
      capture(database.pool, it),
      voidHold(database.pool, holdId, now),
      capture(database.pool, it),
      voidHold(database.pool, holdId, now),
    ]);
    expect(new Set(ends).size).toBe(1);
    expect(await balanceOf(payer)).toEqual({ posted: ends[0] === 'CAPTURED' ? 300 : 1_000, held: 0 });
  });
});

describe('no sequence of postings and holds', () => {
  interface Step {
    do: 'pay' | 'authorise' | 'capture' | 'void';
    amount: number;
    which: number;
  }
  const step: fc.Arbitrary<Step> = fc.record({
    do: fc.constantFrom('pay', 'authorise', 'capture', 'void'),
    amount: fc.integer({ min: 1, max: 600 }),
    which: fc.nat(3),
  });

  it('makes money or loses it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const payer = await givenAccount(1_000);
        const shopBefore = await entrySum(database.pool, shop);
        const holds = [0, 1, 2, 3].map(() => uniqueId('h'));
        // Several callers at once, each refused or served; what counts is the sum afterwards.
        await Promise.allSettled(
          steps.map((it) => {
            const holdId = assertDefined(holds[it.which]);
            if (it.do === 'pay') return move(uniqueId('t'), payer, shop, it.amount);
            if (it.do === 'authorise') {
              return authorise(database.pool, { holdId, accountId: payer, amountMinor: it.amount, at: now });
            }
            if (it.do === 'void') return voidHold(database.pool, holdId, now);
            const transferId = `capture:${holdId}`;
            const amountMinor = it.amount;
            return capture(database.pool, {
              holdId,
              transferId,
              kind: 'PAYMENT',
              toAccountId: shop,
              amountMinor,
              at: now,
            });
          }),
        );
        const { posted, held } = await balanceOf(payer);
        expect(posted + ((await entrySum(database.pool, shop)) - shopBefore)).toBe(1_000);
        expect(held).toBeGreaterThanOrEqual(0);
        expect(posted - held).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 40 },
    );
    // These transfers belong to no payment, which only `payment transfer belongs to a payment` may say.
    const { breaks } = await verifyLedger(database.pool);
    expect(breaks.filter((it) => it.check !== 'each payment transfer belongs to a payment')).toEqual([]);
  });
});
