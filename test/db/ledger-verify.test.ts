import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accountId, postTransfer } from '../../db/ledger.ts';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { createUser } from '../../db/user.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { compiled } from '../support/program.ts';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
  const user = { userId: 'u', displayName: 'U', locale: 'ja', timeZone: 'Asia/Tokyo', requestHash: '' };
  await createUser(database.pool, user);
  await postTransfer(database.pool, {
    transferId: 'topup:u:1',
    kind: 'TOP_UP',
    currency: 'JPY',
    postedAt: new Date(),
    entries: [
      { accountId: accountId.funding('JPY'), amount: -1_000 },
      { accountId: accountId.user('u', 'JPY'), amount: 1_000 },
    ],
  });
});
afterEach(() => database.drop());

/** Runs `npm run ledger:verify`'s program as it is. */
async function verifyProgram(url: string): Promise<{ code: number; output: string }> {
  const run = promisify(execFile)(process.execPath, [compiled('db/ledger-verify-main.ts')], {
    env: { ...process.env, DATABASE_URL: url },
  });
  return run.then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (failure: unknown) => {
      const error = failure as { code: number; stdout: string; stderr: string };
      return { code: error.code, output: error.stdout + error.stderr };
    },
  );
}

/** Breaks the ledger as only somebody who switches the triggers off could. */
async function forge(statement: string): Promise<void> {
  await database.pool.query(`begin; set local session_replication_role = replica; ${statement}; commit`);
}

describe('ledger:verify', () => {
  it('finds a sound ledger sound', async () => {
    const proof = await verifyLedger(database.pool);
    expect(proof).toMatchObject({ transfers: 1, entries: 2, movedByCurrency: { JPY: 1_000 }, breaks: [] });
    const { code, output } = await verifyProgram(database.url);
    expect(output).toContain('The ledger is sound.');
    expect(code).toBe(0);
  });

  it.each([
    [
      'an entry that was changed',
      'update entry set amount = amount + 1 where amount > 0',
      [
        'all entries of a currency sum to zero',
        'the entries of each transfer sum to zero',
        'each balance is the sum of its entries',
      ],
    ],
    [
      'a balance that was changed',
      'update balance set posted = 5',
      ['each balance is the sum of its entries'],
    ],
    [
      'a held amount without a hold',
      'update balance set held = 5',
      ['each held amount is the sum of its open holds'],
    ],
    [
      'entries that were deleted',
      'delete from entry',
      ['each transfer has at least two entries', 'each balance is the sum of its entries'],
    ],
    [
      'a payment that moved nothing',
      `insert into payment (payment_id, merchant_id, merchant_payment_id, status, amount, currency, policy_version, requested_at)
       values ('pay_x', 'm', 'x', 'COMPLETED', 5, 'JPY', '1', now())`,
      ['each payment that was taken has moved its amount from its source to its merchant, and nothing else'],
    ],
  ])('finds %s and exits non-zero', async (_, forgery, checks) => {
    await forge(forgery);
    const { breaks } = await verifyLedger(database.pool);
    expect([...new Set(breaks.map((it) => it.check))]).toEqual(checks);
    const { code, output } = await verifyProgram(database.url);
    expect(output).toContain('BROKEN');
    expect(code).toBe(1);
  });

  it('says so when the database cannot be reached', async () => {
    const { code, output } = await verifyProgram('postgres://nobody:x@127.0.0.1:1/none');
    expect(output).toContain('The ledger could not be read');
    expect(code).toBe(2);
  });
});
