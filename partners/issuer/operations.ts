import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { inTransaction, type Pool, type Transaction } from '../shared/database.ts';
import { Problem } from '../shared/problem.ts';
import { effectOf, type Effect } from './effects.ts';
import type { OperationName, OperationRequest } from './schemas.ts';

/** An operation as it is answered, the same each time it is asked. */
export interface OperationView {
  readonly key: string;
  readonly operation: OperationName;
  readonly status: 'DONE' | 'REFUSED';
  readonly code?: string;
  readonly reference: string;
  /** Of a void: what it gave back, reserved or captured, in minor units. */
  readonly released?: number;
}

interface OperationRow {
  readonly key: string;
  readonly operation: OperationName;
  readonly status: 'DONE' | 'REFUSED';
  readonly code: string | null;
  readonly reference: string;
  readonly released: number;
  readonly request: unknown;
}

/**
 * Does an operation once and keeps its answer, in one transaction; asked again under the same key it gives that answer.
 * @param declineCode refuses it with this code, whatever the books say
 * @throws {Problem} IDEMPOTENCY_MISMATCH if the key was used for something else
 */
export async function perform(
  pool: Pool,
  request: OperationRequest,
  declineCode?: string,
): Promise<OperationView> {
  return inTransaction(pool, async (tx) => {
    const authorisationKey = authorisationOf(request);
    // One at a time for a key and for its authorisation; both in order, so that no two wait for each other.
    for (const name of new Set([request.key, authorisationKey ?? request.key].sort())) {
      await tx.query(`select pg_advisory_xact_lock(hashtextextended('issuer ' || $1, 0))`, [name]);
    }
    const stored = await findRow(tx, request.key);
    if (stored !== undefined) {
      if (!isDeepStrictEqual(stored.request, request)) {
        throw new Problem('IDEMPOTENCY_MISMATCH', 'This key was used before for something else.');
      }
      return viewOf(stored);
    }
    const effect: Effect =
      declineCode === undefined ? await effectOf(tx, request) : { status: 'REFUSED', code: declineCode };
    return viewOf(await keep(tx, request, authorisationKey, effect));
  });
}

function authorisationOf(request: OperationRequest): string | undefined {
  switch (request.operation) {
    case 'AUTHORISE':
      return request.key;
    case 'REPAYMENT':
      return undefined;
    case 'CAPTURE':
    case 'VOID':
    case 'REFUND':
      return request.authorisationKey;
  }
}

/** What became of a key; undefined if nothing was done under it. */
export async function lookUp(pool: Pool, key: string): Promise<OperationView | undefined> {
  const row = await findRow(pool, key);
  return row === undefined ? undefined : viewOf(row);
}

async function findRow(db: Pool | Transaction, key: string): Promise<OperationRow | undefined> {
  const found = await db.query<OperationRow>(
    `select operation_key as key, operation, status, code, reference, (released + given_back)::bigint as released, request
       from issuer.operation where operation_key = $1`,
    [key],
  );
  return found.rows[0];
}

async function keep(
  tx: Transaction,
  request: OperationRequest,
  authorisationKey: string | undefined,
  effect: Effect,
): Promise<OperationRow> {
  const code = effect.status === 'REFUSED' ? effect.code : null;
  const { released = 0, givenBack = 0 } = effect.status === 'DONE' ? effect : {};
  const reference = `iss_${randomBytes(10).toString('hex')}`;
  await tx.query(
    `insert into issuer.operation
       (operation_key, operation, authorisation_key, amount, request, status, code, reference, released, given_back)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      request.key,
      request.operation,
      authorisationKey ?? null,
      request.operation === 'VOID' ? null : request.amount,
      JSON.stringify(request),
      effect.status,
      code,
      reference,
      released,
      givenBack,
    ],
  );
  const { key, operation } = request;
  return { key, operation, status: effect.status, code, reference, released: released + givenBack, request };
}

function viewOf({ key, operation, status, code, reference, released }: OperationRow): OperationView {
  const isVoid = operation === 'VOID' && status === 'DONE';
  return {
    key,
    operation,
    status,
    ...(code === null ? {} : { code }),
    reference,
    ...(isVoid ? { released } : {}),
  };
}
