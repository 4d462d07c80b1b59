import { accountId, guardedBalance, openMerchantAccount, postTransfer } from '../../db/ledger.ts';
import { createUser } from '../../db/user.ts';
import { assertDefined } from '../../domain/assert.ts';
import { createTestDatabase } from './database.ts';
import { uniqueId } from './givens.ts';

/** When everything in these tests is posted. */
export const POSTED_AT = new Date('2026-11-22T03:00:00Z');
/** The account of the one merchant there is. */
export const SHOP = accountId.merchant('shop', 'JPY');

export type TestLedger = Awaited<ReturnType<typeof createTestLedger>>;

/** A ledger of its own for a test file. */
export async function createTestLedger() {
  const database = await createTestDatabase();
  const { pool } = database;
  await openMerchantAccount(pool, 'shop', 'JPY');
  return { pool, drop: () => database.drop(), givenAccount, move, balanceOf };

  async function givenAccount(balance: number): Promise<string> {
    const userId = uniqueId('u');
    await createUser(pool, {
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
    return postTransfer(pool, {
      transferId,
      kind,
      currency: 'JPY',
      postedAt: POSTED_AT,
      entries: [
        { accountId: from, amount: -amount },
        { accountId: to, amount },
      ],
    });
  }

  async function balanceOf(id: string) {
    return assertDefined(await guardedBalance(pool, id));
  }
}
