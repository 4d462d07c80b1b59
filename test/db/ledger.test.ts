import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountId, authorise, entrySum, openMerchantAccount, postTransfer } from '../../db/ledger.ts';
import { uniqueId } from '../support/givens.ts';
import { createTestLedger, POSTED_AT, SHOP, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await createTestLedger();
});
afterAll(() => ledger.drop());

describe('a transfer', () => {
  it('moves money from one account to another', async () => {
    const payer = await ledger.givenAccount(1_000);
    const before = await entrySum(ledger.pool, SHOP);
    expect(await ledger.move(uniqueId('t'), payer, SHOP, 300)).toBe('POSTED');
    expect(await ledger.balanceOf(payer)).toEqual({ posted: 700, held: 0 });
    expect(await entrySum(ledger.pool, SHOP)).toBe(before + 300);
  });

  it('posted again under its id changes nothing', async () => {
    const payer = await ledger.givenAccount(1_000);
    const id = uniqueId('t');
    await ledger.move(id, payer, SHOP, 300);
    expect(await ledger.move(id, payer, SHOP, 300)).toBe('ALREADY_POSTED');
    expect(await ledger.balanceOf(payer)).toEqual({ posted: 700, held: 0 });
  });

  it('under the id of another one is told so', async () => {
    const payer = await ledger.givenAccount(1_000);
    const id = uniqueId('t');
    await ledger.move(id, payer, SHOP, 300);
    expect(await ledger.move(id, payer, SHOP, 301)).toBe('ID_REUSED');
    expect(await ledger.move(id, payer, payer, 300)).toBe('ID_REUSED');
    expect(await ledger.balanceOf(payer)).toEqual({ posted: 700, held: 0 });
  });

  it('posted by twenty callers at once is posted once', async () => {
    const payer = await ledger.givenAccount(1_000);
    const id = uniqueId('t');
    const results = await Promise.all(Array.from({ length: 20 }, () => ledger.move(id, payer, SHOP, 300)));
    expect(results.filter((it) => it === 'POSTED')).toHaveLength(1);
    expect(await ledger.balanceOf(payer)).toEqual({ posted: 700, held: 0 });
  });

  it('does not wait for a lock on the merchant account, and takes none', async () => {
    const payer = await ledger.givenAccount(1_000);
    const blocker = await ledger.pool.connect();
    try {
      await blocker.query('begin');
      await blocker.query('select 1 from account where account_id = $1 for update', [SHOP]);
      expect(await ledger.move(uniqueId('t'), payer, SHOP, 300)).toBe('POSTED');
    } finally {
      await blocker.query('rollback');
      blocker.release();
    }
  });
});

describe('the database itself refuses', () => {
  async function refusal(text: string, values: unknown[] = []): Promise<string> {
    return ledger.pool.query(text, values).then(
      () => 'accepted',
      (error: unknown) => String(error),
    );
  }

  it('entries that do not sum to zero', async () => {
    const payer = await ledger.givenAccount(1_000);
    const posting = postTransfer(ledger.pool, {
      transferId: uniqueId('t'),
      kind: 'PAYMENT',
      currency: 'JPY',
      postedAt: POSTED_AT,
      entries: [
        { accountId: payer, amount: -300 },
        { accountId: SHOP, amount: 299 },
      ],
    });
    await expect(posting).rejects.toThrow('LEDGER_NOT_ZERO_SUM');
    expect(await ledger.balanceOf(payer)).toEqual({ posted: 1_000, held: 0 });
  });

  it('a single entry added to an old transfer', async () => {
    const payer = await ledger.givenAccount(1_000);
    const id = uniqueId('t');
    await ledger.move(id, payer, SHOP, 300);
    const text = 'insert into entry (transfer_id, account_id, amount, posted_at) values ($1, $2, 5, now())';
    expect(await refusal(text, [id, payer])).toContain('LEDGER_NOT_ZERO_SUM');
  });

  it('a transfer without entries', async () => {
    const text = `insert into transfer (transfer_id, kind, currency, posted_at) values ($1, 'PAYMENT', 'JPY', now())`;
    expect(await refusal(text, [uniqueId('t')])).toContain('LEDGER_EMPTY_TRANSFER');
  });

  it('an unknown account and one of another currency', async () => {
    const payer = await ledger.givenAccount(1_000);
    await expect(ledger.move(uniqueId('t'), payer, 'merchant:nobody:JPY', 1)).rejects.toThrow(
      'LEDGER_ACCOUNT',
    );
    await openMerchantAccount(ledger.pool, 'dollar-shop', 'USD');
    await expect(
      ledger.move(uniqueId('t'), payer, accountId.merchant('dollar-shop', 'USD'), 1),
    ).rejects.toThrow('LEDGER_ACCOUNT');
  });

  it('an overdrawn account', async () => {
    const payer = await ledger.givenAccount(299);
    await expect(ledger.move(uniqueId('t'), payer, SHOP, 300)).rejects.toThrow('balance_covers_holds');
    expect(await ledger.balanceOf(payer)).toEqual({ posted: 299, held: 0 });
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
    const payer = await ledger.givenAccount(1_000);
    await authorise(ledger.pool, { holdId: uniqueId('h'), accountId: payer, amountMinor: 1, at: POSTED_AT });
    expect(await refusal(text)).toMatch(/LEDGER_APPEND_ONLY|cannot truncate/);
  });

  it('a balance that is set by hand', async () => {
    const payer = await ledger.givenAccount(1_000);
    expect(await refusal('update balance set posted = 5000 where account_id = $1', [payer])).toContain(
      'LEDGER_BALANCE',
    );
  });
});
