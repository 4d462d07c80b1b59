import { firstRow, oneRow, rows, type Db } from './pool.ts';
import { sqlState } from './tx.ts';

/** Account ids, the same as the SQL routines make. */
export const accountId = {
  user: (userId: string, currency: string) => `user:${userId}:${currency}`,
  merchant: (merchantId: string, currency: string) => `merchant:${merchantId}:${currency}`,
  issuer: (issuerId: string, currency: string) => `issuer:${issuerId}:${currency}`,
  /** What users have paid of their debts there, for the issuer: apart from what it owes us, so that each can be held against its books. */
  repayment: (issuerId: string, currency: string) => `repayment:${issuerId}:${currency}`,
  funding: (currency: string) => `system:funding:${currency}`,
};

export interface Posting {
  readonly accountId: string;
  /** Minor units; the amounts of a transfer sum to zero. */
  readonly amount: number;
}

export interface Transfer {
  /** The caller's key: posting the same transfer again changes nothing. */
  readonly transferId: string;
  readonly kind: 'TOP_UP' | 'PAYMENT' | 'PAYMENT_CANCEL';
  readonly currency: string;
  readonly postedAt: Date;
  readonly entries: readonly Posting[];
}

export type PostResult = 'POSTED' | 'ALREADY_POSTED' | 'ID_REUSED';

const UNIQUE_VIOLATION = '23505';

/**
 * Posts a transfer in one statement.
 * @throws what the database refuses: entries that do not sum to zero, an unknown account, an overdrawn one
 */
export async function postTransfer(db: Db, transfer: Transfer): Promise<PostResult> {
  const statement = {
    name: 'ledger_post',
    text: 'select ledger_post($1, $2, $3, $4, $5, $6) as posted',
  };
  try {
    const row = await oneRow<{ posted: boolean }>(db, statement, [
      transfer.transferId,
      transfer.kind,
      transfer.currency,
      transfer.postedAt,
      transfer.entries.map((entry) => entry.accountId),
      transfer.entries.map((entry) => entry.amount),
    ]);
    return row.posted ? 'POSTED' : 'ALREADY_POSTED';
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION && String(error).includes('LEDGER_ID_REUSED'))
      return 'ID_REUSED';
    throw error;
  }
}

export type HoldStatus = 'HELD' | 'CAPTURED' | 'VOIDED';

/** Reserves `amountMinor` on a guarded account until it is captured or voided. */
export async function authorise(
  db: Db,
  hold: { holdId: string; accountId: string; amountMinor: number; at: Date },
): Promise<HoldStatus | 'INSUFFICIENT_FUNDS'> {
  const statement = { name: 'ledger_authorise', text: 'select ledger_authorise($1, $2, $3, $4) as status' };
  const row = await oneRow<{ status: HoldStatus | 'INSUFFICIENT_FUNDS' }>(db, statement, [
    hold.holdId,
    hold.accountId,
    hold.amountMinor,
    hold.at,
  ]);
  return row.status;
}

/** Moves at most the held amount to `toAccountId` and releases the rest. */
export async function capture(
  db: Db,
  it: {
    holdId: string;
    transferId: string;
    kind: Transfer['kind'];
    toAccountId: string;
    amountMinor: number;
    at: Date;
  },
): Promise<HoldStatus> {
  const statement = {
    name: 'ledger_capture',
    text: 'select ledger_capture($1, $2, $3, $4, $5, $6) as status',
  };
  const row = await oneRow<{ status: HoldStatus }>(db, statement, [
    it.holdId,
    it.transferId,
    it.kind,
    it.toAccountId,
    it.amountMinor,
    it.at,
  ]);
  return row.status;
}

/** Releases a hold; CAPTURED says that it was too late. */
export async function voidHold(db: Db, holdId: string, at: Date): Promise<HoldStatus> {
  const statement = { name: 'ledger_void', text: 'select ledger_void($1, $2) as status' };
  return (await oneRow<{ status: HoldStatus }>(db, statement, [holdId, at])).status;
}

/** Opens a merchant's account if it is not there. It is never overdrawn-checked, so it has no balance row. */
export async function openMerchantAccount(db: Db, merchantId: string, currency: string): Promise<void> {
  const statement = {
    name: 'ledger_open_merchant',
    text: `insert into account (account_id, kind, currency) values ($1, 'MERCHANT', $2) on conflict do nothing`,
  };
  await rows(db, statement, [accountId.merchant(merchantId, currency), currency]);
}

/** Opens an issuer's account if it is not there: what it owes Kessai. It may be overdrawn, so it has no balance row. */
export async function openIssuerAccount(db: Db, issuerId: string, currency: string): Promise<void> {
  const statement = {
    name: 'ledger_open_issuer',
    text: `insert into account (account_id, kind, currency) values ($1, 'ISSUER', $2) on conflict do nothing`,
  };
  await rows(db, statement, [accountId.issuer(issuerId, currency), currency]);
}

export interface Balance {
  readonly posted: number;
  readonly held: number;
}

/** Posted and held minor units of a guarded account; available = posted - held. */
export async function guardedBalance(db: Db, id: string): Promise<Balance | undefined> {
  const statement = {
    name: 'ledger_balance',
    text: 'select posted, held from balance where account_id = $1',
  };
  return firstRow<{ posted: number; held: number }>(db, statement, [id]);
}

/** Sum of an account's entries, in minor units. */
export async function entrySum(db: Db, id: string): Promise<number> {
  const statement = {
    name: 'ledger_entry_sum',
    text: 'select coalesce(sum(amount), 0)::bigint as total from entry where account_id = $1',
  };
  return (await oneRow<{ total: number }>(db, statement, [id])).total;
}
