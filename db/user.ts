import type { FundingSource } from '../domain/payment/payment.ts';
import { accountId } from './ledger.ts';
import { firstRow, oneRow, rows, type Db, type Pool } from './pool.ts';
import { withTransaction } from './tx.ts';

/** The currency of the accounts that users get. */
export const USER_CURRENCY = 'JPY';

export interface NewUser {
  readonly userId: string;
  readonly displayName: string;
  readonly locale: string;
  readonly timeZone: string;
  /** Recognises a repeat of the same request. */
  readonly requestHash: string;
}

/** How a write under a caller-chosen id ended: made now, found with the same content, or taken by another one. */
export type CreateResult = 'CREATED' | 'EXISTING' | 'MISMATCH';

/** Makes a user with an empty guarded account, or recognises the request that made it. */
export async function createUser(pool: Pool, user: NewUser): Promise<CreateResult> {
  return withTransaction(pool, async (tx) => {
    const inserted = await rows(
      tx,
      {
        name: 'user_insert',
        text: `insert into app_user (user_id, display_name, locale, time_zone, request_hash) values ($1, $2, $3, $4, $5)
               on conflict do nothing returning user_id`,
      },
      [user.userId, user.displayName, user.locale, user.timeZone, user.requestHash],
    );
    if (inserted.length === 0) {
      const found = await oneRow<{ request_hash: string }>(
        tx,
        { name: 'user_hash', text: 'select request_hash from app_user where user_id = $1' },
        [user.userId],
      );
      return found.request_hash === user.requestHash ? 'EXISTING' : 'MISMATCH';
    }
    const account = accountId.user(user.userId, USER_CURRENCY);
    await rows(
      tx,
      {
        name: 'user_account',
        text: `with a as (insert into account (account_id, kind, currency) values ($1, 'USER', $2) returning account_id)
               insert into balance (account_id) select account_id from a`,
      },
      [account, USER_CURRENCY],
    );
    return 'CREATED';
  });
}

export interface UserSummary {
  readonly userId: string;
  readonly displayName: string;
  readonly locale: string;
  readonly timeZone: string;
  readonly posted: number;
  readonly held: number;
}

/** A user with the guarded balance of the account in {@link USER_CURRENCY}. */
export async function findUser(db: Db, userId: string): Promise<UserSummary | undefined> {
  const statement = {
    name: 'user_find',
    text: `select user_id as "userId", display_name as "displayName", locale, time_zone as "timeZone", posted, held
             from app_user join balance on account_id = $2 where user_id = $1`,
  };
  return firstRow<UserSummary & Record<string, unknown>>(db, statement, [
    userId,
    accountId.user(userId, USER_CURRENCY),
  ]);
}

/** What a wallet shows of its user beside the history. */
export interface WalletSummary extends UserSummary {
  readonly offlineFundingSource: FundingSource;
  readonly payLaterIssuerId: string | null;
  /** Offline payments of the last 24 hours and 30 days. */
  readonly offlineIn24h: number;
  readonly offlineIn30d: number;
}

/** A user with balance, pay-later account and what was paid offline of late, counted as a payment's decision counts it. */
export async function findWallet(db: Db, userId: string, now: Date): Promise<WalletSummary | undefined> {
  const statement = {
    name: 'user_wallet',
    text: `select u.user_id as "userId", display_name as "displayName", locale, time_zone as "timeZone", posted, held,
                  offline_funding_source as "offlineFundingSource", l.issuer_id as "payLaterIssuerId",
                  c.in_24h as "offlineIn24h", c.in_30d as "offlineIn30d"
             from app_user u join balance on account_id = $2 left join pay_later_account l on l.user_id = u.user_id,
                  offline_payment_counts($1, $3) c
            where u.user_id = $1`,
  };
  return firstRow<WalletSummary & Record<string, unknown>>(db, statement, [
    userId,
    accountId.user(userId, USER_CURRENCY),
    now,
  ]);
}

/** Chooses what funds offline payments; false if it is a pay-later account that the user does not have. */
export async function setOfflineFundingSource(
  db: Db,
  userId: string,
  fundingSource: FundingSource,
): Promise<boolean> {
  const statement = {
    name: 'user_offline_source',
    text: `update app_user set offline_funding_source = $2
            where user_id = $1
              and ($2 <> 'PAY_LATER' or exists (select 1 from pay_later_account l where l.user_id = $1))
           returning user_id`,
  };
  return (await rows(db, statement, [userId, fundingSource])).length > 0;
}

/** Suspends a user's payments or allows them again. */
export async function setUserStatus(
  db: Db,
  userId: string,
  status: 'ACTIVE' | 'SUSPENDED',
): Promise<boolean> {
  const statement = {
    name: 'user_status',
    text: 'update app_user set status = $2 where user_id = $1 returning user_id',
  };
  return (await rows(db, statement, [userId, status])).length > 0;
}
