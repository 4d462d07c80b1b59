import { openIssuerAccount } from './ledger.ts';
import { firstRow, oneRow, rows, type Db, type Pool } from './pool.ts';
import { withTransaction } from './tx.ts';
import { USER_CURRENCY } from './user.ts';
import { findWebhookSecrets, type SealedSecret } from './webhook.ts';

/** Another operator's credit, on which users can pay. */
export interface Issuer {
  readonly issuerId: string;
  readonly name: string;
  /** Where its endpoints are; never with a slash at the end. */
  readonly baseUrl: string;
  readonly timeZone: string;
}

/** Stores an issuer as given. */
export async function putIssuer(db: Db, issuer: Issuer): Promise<void> {
  const statement = {
    name: 'issuer_upsert',
    text: `insert into issuer (issuer_id, name, base_url, time_zone) values ($1, $2, $3, $4)
           on conflict (issuer_id) do update
              set name = excluded.name, base_url = excluded.base_url, time_zone = excluded.time_zone, updated_at = now()`,
  };
  await rows(db, statement, [issuer.issuerId, issuer.name, issuer.baseUrl, issuer.timeZone]);
}

export async function findIssuer(db: Db, issuerId: string): Promise<Issuer | undefined> {
  const statement = {
    name: 'issuer_find',
    text: `select issuer_id as "issuerId", name, base_url as "baseUrl", time_zone as "timeZone"
             from issuer where issuer_id = $1`,
  };
  return firstRow<Issuer & Record<string, unknown>>(db, statement, [issuerId]);
}

/** Where an issuer is asked now and the secrets that sign now. */
export interface IssuerEndpoint {
  readonly baseUrl: string;
  readonly sealedSecrets: readonly SealedSecret[];
}

export async function findIssuerEndpoint(db: Db, issuerId: string): Promise<IssuerEndpoint | undefined> {
  const issuer = await findIssuer(db, issuerId);
  if (issuer === undefined) return undefined;
  return {
    baseUrl: issuer.baseUrl,
    sealedSecrets: await findWebhookSecrets(db, { kind: 'ISSUER', id: issuerId }),
  };
}

/** The credit on which a user pays later. */
export interface PayLaterAccount {
  readonly userId: string;
  readonly issuerId: string;
  /** The issuer's own name for the account: no name of a person. */
  readonly accountRef: string;
}

export type PutPayLaterResult = 'STORED' | 'UNKNOWN_USER' | 'UNKNOWN_ISSUER';

/** Gives a user a pay-later account, instead of the one before, and opens the issuer's account in the ledger. */
export async function putPayLaterAccount(pool: Pool, account: PayLaterAccount): Promise<PutPayLaterResult> {
  return withTransaction(pool, async (tx) => {
    const known = await oneRow<{ user: boolean; issuer: boolean }>(
      tx,
      {
        name: 'pay_later_known',
        text: `select exists (select 1 from app_user where user_id = $1) as user,
                      exists (select 1 from issuer where issuer_id = $2) as issuer`,
      },
      [account.userId, account.issuerId],
    );
    if (!known.user) return 'UNKNOWN_USER';
    if (!known.issuer) return 'UNKNOWN_ISSUER';
    await openIssuerAccount(tx, account.issuerId, USER_CURRENCY);
    await rows(
      tx,
      {
        name: 'pay_later_upsert',
        text: `insert into pay_later_account (user_id, issuer_id, account_ref) values ($1, $2, $3)
               on conflict (user_id) do update set issuer_id = excluded.issuer_id, account_ref = excluded.account_ref`,
      },
      [account.userId, account.issuerId, account.accountRef],
    );
    return 'STORED';
  });
}

export async function findPayLaterAccount(db: Db, userId: string): Promise<PayLaterAccount | undefined> {
  const statement = {
    name: 'pay_later_find',
    text: `select user_id as "userId", issuer_id as "issuerId", account_ref as "accountRef"
             from pay_later_account where user_id = $1`,
  };
  return firstRow<PayLaterAccount & Record<string, unknown>>(db, statement, [userId]);
}

/** One call to an issuer, whatever came of it. */
export interface IssuerAttempt {
  readonly key: string;
  readonly operation: 'AUTHORISE' | 'CAPTURE' | 'VOID' | 'REFUND' | 'REPAYMENT' | 'LOOK_UP';
  readonly url: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly statusCode?: number | undefined;
  readonly outcome: 'DONE' | 'REFUSED' | 'NOT_FOUND' | 'UNKNOWN';
  readonly error?: string | undefined;
  /** What a void gave back, in minor units, as the issuer says. */
  readonly released?: number | undefined;
}

export async function recordIssuerAttempt(db: Db, issuerId: string, attempt: IssuerAttempt): Promise<void> {
  const statement = {
    name: 'issuer_attempt',
    text: `insert into issuer_attempt
             (issuer_id, operation_key, operation, url, started_at, duration_ms, status_code, outcome, error, released)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
  };
  await rows(db, statement, [
    issuerId,
    attempt.key,
    attempt.operation,
    attempt.url,
    attempt.startedAt,
    attempt.durationMs,
    attempt.statusCode ?? null,
    attempt.outcome,
    attempt.error ?? null,
    attempt.released ?? null,
  ]);
}

/** The most tries that are listed of one key: above what the schedule of domain/credit makes, voids and operators' tries included. */
const MAX_ATTEMPTS_LISTED = 200;

/** Calls to an issuer under one key, in the order in which they ended. */
export async function listIssuerAttempts(db: Db, issuerId: string, key: string): Promise<IssuerAttempt[]> {
  const statement = {
    name: 'issuer_attempts',
    text: `select operation_key as key, operation, url, started_at as "startedAt", duration_ms as "durationMs",
                  status_code as "statusCode", outcome, error, released
             from issuer_attempt where issuer_id = $1 and operation_key = $2 order by attempt_id limit ${MAX_ATTEMPTS_LISTED}`,
  };
  const found = await rows<StoredAttempt & Record<string, unknown>>(db, statement, [issuerId, key]);
  return found.map(({ statusCode, error, released, ...attempt }) => ({
    ...attempt,
    ...(statusCode === null ? {} : { statusCode }),
    ...(error === null ? {} : { error }),
    ...(released === null ? {} : { released }),
  }));
}

type StoredAttempt = Omit<IssuerAttempt, 'statusCode' | 'error' | 'released'> & {
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly released: number | null;
};
