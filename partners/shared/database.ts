import pg from 'pg';

export type Pool = pg.Pool;
/** One connection inside a transaction. */
export type Transaction = pg.PoolClient;

const INT8_OID: number = pg.types.builtins.INT8;

/**
 * A pool whose bigint columns are numbers: no amount here comes near 2^53, and one that did would throw.
 * @param name as Postgres shows its connections
 */
export function createPool(databaseUrl: string, name: string): Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 10,
    application_name: name,
    statement_timeout: 10_000,
    types: { getTypeParser: typeParser as typeof pg.types.getTypeParser },
  });
  // The pool replaces a connection that the server dropped; without a listener that would end the process.
  pool.on('error', () => undefined);
  return pool;
}

/** The driver's own signature names its built-in types only; a column can be of any. */
const builtInParser = pg.types.getTypeParser as (oid: number, format?: string) => unknown;

function typeParser(oid: number, format?: string): unknown {
  return oid === INT8_OID && format !== 'binary' ? parseInt8 : builtInParser(oid, format);
}

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is not a safe integer`);
  return value;
}

/** Commits when `work` returns, rolls back when it throws. */
export async function inTransaction<T>(pool: Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const tx = await pool.connect();
  try {
    await tx.query('begin');
    const result = await work(tx);
    await tx.query('commit');
    tx.release();
    return result;
  } catch (error) {
    await tx.query('rollback').then(
      () => {
        tx.release();
      },
      () => {
        tx.release(true);
      },
    );
    throw error;
  }
}
