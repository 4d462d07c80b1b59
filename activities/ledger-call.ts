import { ApplicationFailure } from '@temporalio/activity';
import type { Pool } from '../db/pool.ts';
import { sqlState } from '../db/tx.ts';

/**
 * Makes one call to the ledger. A refusal by the database is known to have changed nothing, and asking again would hear it
 * again; everything else is worth asking again.
 * @throws ApplicationFailure `LedgerRefused`, final, for Postgres' classes 22, 23 and P0
 */
export async function ledgerCall<Request, Result>(
  pool: Pool,
  call: (db: Pool, request: Request) => Promise<Result>,
  request: Request,
): Promise<Result> {
  try {
    return await call(pool, request);
  } catch (error) {
    if (!/^(22|23|P0)/.test(sqlState(error) ?? '')) throw error;
    const message = error instanceof Error ? error.message : 'refused';
    throw ApplicationFailure.create({ type: 'LedgerRefused', nonRetryable: true, message });
  }
}
