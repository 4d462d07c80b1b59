import type pg from 'pg';
import type { Pool } from './pool.ts';

/** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
export async function withTransaction<T>(pool: Pool, work: (tx: pg.PoolClient) => Promise<T>): Promise<T> {
  const tx = await pool.connect();
  try {
    await tx.query('begin');
    const result = await work(tx);
    await tx.query('commit');
    tx.release();
    return result;
  } catch (error) {
    const rolledBack = await tx.query('rollback').then(
      () => true,
      () => false,
    );
    tx.release(!rolledBack);
    throw error;
  }
}

/** Postgres' five-character error code of `error`, if it came from there. */
export function sqlState(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}
