import type { Transaction } from '../shared/database.ts';
import type { OperationRequest } from './schemas.ts';
import { bookRepayment } from './statements.ts';

/** What an operation has done; sums in minor units. */
export type Effect =
  | { readonly status: 'DONE'; readonly released?: number; readonly givenBack?: number }
  | { readonly status: 'REFUSED'; readonly code: string };

const DONE: Effect = { status: 'DONE' };
const refused = (code: string): Effect => ({ status: 'REFUSED', code });

/** Changes the books as an operation asks, or refuses. The caller holds the locks of its keys. */
export async function effectOf(tx: Transaction, request: OperationRequest): Promise<Effect> {
  switch (request.operation) {
    case 'AUTHORISE':
      return authorise(tx, request);
    case 'CAPTURE':
      return capture(tx, request.authorisationKey, request.amount);
    case 'VOID':
      return voidAuthorisation(tx, request.authorisationKey);
    case 'REFUND':
      return refund(tx, request.authorisationKey, request.amount);
    case 'REPAYMENT':
      return repay(tx, request);
  }
}

async function repay(
  tx: Transaction,
  it: Extract<OperationRequest, { operation: 'REPAYMENT' }>,
): Promise<Effect> {
  const { debtId: statementId, repaymentId, amount, currency, paidAt } = it;
  const booked = await bookRepayment(tx, {
    statementId,
    repaymentId,
    channel: 'WALLET',
    amount,
    currency,
    paidAt,
  });
  return booked === 'BOOKED' ? DONE : refused(booked);
}

interface Authorisation {
  readonly accountRef: string | null;
  readonly amount: number;
  readonly captured: number;
  readonly refunded: number;
  readonly isVoided: boolean;
}

async function findAuthorisation(tx: Transaction, key: string): Promise<Authorisation | undefined> {
  const found = await tx.query<Authorisation>(
    `select account_ref as "accountRef", amount, captured, refunded, voided_at is not null as "isVoided"
       from issuer.authorisation where authorisation_key = $1`,
    [key],
  );
  return found.rows[0];
}

async function authorise(
  tx: Transaction,
  it: Extract<OperationRequest, { operation: 'AUTHORISE' }>,
): Promise<Effect> {
  // Only a void that came first can have left a row: the key itself is new.
  if ((await findAuthorisation(tx, it.key)) !== undefined) return refused('VOIDED');
  const reserved = await tx.query(
    `update issuer.account set reserved = reserved + $2
      where account_ref = $1 and currency = $3 and reserved + owed + $2 <= credit_limit`,
    [it.accountRef, it.amount, it.currency],
  );
  if (reserved.rowCount === 1) {
    await tx.query(
      'insert into issuer.authorisation (authorisation_key, account_ref, amount) values ($1, $2, $3)',
      [it.key, it.accountRef, it.amount],
    );
    return DONE;
  }
  const account = await tx.query<{ currency: string }>(
    'select currency from issuer.account where account_ref = $1',
    [it.accountRef],
  );
  const [found] = account.rows;
  if (found === undefined) return refused('ACCOUNT_UNKNOWN');
  return refused(found.currency === it.currency ? 'CREDIT_LIMIT_EXCEEDED' : 'CURRENCY_MISMATCH');
}

async function capture(tx: Transaction, key: string, amount: number): Promise<Effect> {
  const found = await findAuthorisation(tx, key);
  if (found === undefined) return refused('AUTHORISATION_UNKNOWN');
  if (found.isVoided) return refused('VOIDED');
  if (found.captured + amount > found.amount) return refused('CAPTURE_EXCEEDS_AUTHORISED');
  await tx.query('update issuer.authorisation set captured = captured + $2 where authorisation_key = $1', [
    key,
    amount,
  ]);
  await moveAccount(tx, found.accountRef, { reserved: -amount, owed: amount });
  return DONE;
}

async function refund(tx: Transaction, key: string, amount: number): Promise<Effect> {
  const found = await findAuthorisation(tx, key);
  if (found === undefined) return refused('AUTHORISATION_UNKNOWN');
  if (found.isVoided) return refused('VOIDED');
  if (found.refunded + amount > found.captured) return refused('REFUND_EXCEEDS_CAPTURED');
  await tx.query('update issuer.authorisation set refunded = refunded + $2 where authorisation_key = $1', [
    key,
    amount,
  ]);
  await moveAccount(tx, found.accountRef, { reserved: 0, owed: -amount });
  return DONE;
}

/** Gives everything back. Of what is not there it leaves a tombstone, so that it cannot come later. */
async function voidAuthorisation(tx: Transaction, key: string): Promise<Effect> {
  const found = await findAuthorisation(tx, key);
  if (found === undefined) {
    await tx.query(
      'insert into issuer.authorisation (authorisation_key, amount, voided_at) values ($1, 0, now())',
      [key],
    );
    return DONE;
  }
  if (found.isVoided) return DONE;
  await tx.query('update issuer.authorisation set voided_at = now() where authorisation_key = $1', [key]);
  const released = found.amount - found.captured;
  const givenBack = found.captured - found.refunded;
  await moveAccount(tx, found.accountRef, { reserved: -released, owed: -givenBack });
  return { status: 'DONE', released, givenBack };
}

async function moveAccount(
  tx: Transaction,
  accountRef: string | null,
  by: { reserved: number; owed: number },
): Promise<void> {
  await tx.query(
    'update issuer.account set reserved = reserved + $2, owed = owed + $3 where account_ref = $1',
    [accountRef, by.reserved, by.owed],
  );
}
