import pg from 'pg';

/** What a statement needs: the pool, or one connection of it inside a transaction. */
export type Db = pg.Pool | pg.PoolClient;
export type Pool = pg.Pool;

const INT8_OID: number = pg.types.builtins.INT8;

/**
 * A pool whose bigint columns are numbers: amounts and counters stay far below 2^53, and a value beyond it throws
 * instead of losing digits.
 */
export function createPool(databaseUrl: string, options: { max?: number; name?: string } = {}): Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: options.max ?? 20,
    application_name: options.name ?? 'kessai',
    connectionTimeoutMillis: 5_000,
    // No decision takes longer than milliseconds; a statement that hangs is given up, its transaction rolled back.
    statement_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
    types: { getTypeParser: typeParser as typeof pg.types.getTypeParser },
  });
  // Without a listener an idle connection that the server drops would end the process; the pool replaces it.
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

/** A statement with a name, so that Postgres plans it once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Runs a statement and gives its rows; `Row` is the caller's word for the columns selected. */
export async function rows<Row extends pg.QueryResultRow>(
  db: Db,
  statement: Statement,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const result = await db.query<Row>({ ...statement, values: [...values] });
  return result.rows;
}

/** The first row, if there is one. */
export async function firstRow<Row extends pg.QueryResultRow>(
  db: Db,
  statement: Statement,
  values: readonly unknown[] = [],
): Promise<Row | undefined> {
  return (await rows<Row>(db, statement, values))[0];
}

/** The one row that must be there. */
export async function oneRow<Row extends pg.QueryResultRow>(
  db: Db,
  statement: Statement,
  values: readonly unknown[] = [],
): Promise<Row> {
  const row = await firstRow<Row>(db, statement, values);
  if (row === undefined) throw new Error(`statement ${statement.name} gave no row`);
  return row;
}
