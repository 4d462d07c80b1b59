import type pg from 'pg';
import type { Pool } from './pool.ts';

let cursors = 0;

/**
 * Reads a query's rows in batches through a server-side cursor, so that neither side holds more than one batch. The
 * transaction must stay open until the last batch.
 */
export async function* inBatches<Row extends pg.QueryResultRow>(
  tx: pg.PoolClient,
  text: string,
  values: readonly unknown[],
  batchSize: number,
): AsyncGenerator<Row[], void, undefined> {
  const cursor = `batches_${(cursors += 1)}`;
  await tx.query(`declare ${cursor} no scroll cursor for ${text}`, [...values]);
  for (;;) {
    const { rows } = await tx.query<Row>(`fetch ${batchSize} from ${cursor}`);
    if (rows.length > 0) yield rows;
    if (rows.length < batchSize) break;
  }
  await tx.query(`close ${cursor}`);
}

const QUERY_MS = 120_000;

/**
 * Yields what `read` reads in one read-only snapshot, and ends the transaction when the reader stops, wherever it is.
 * @param readerStallsMs a reader that takes nothing for so long is left: its connection is another one's
 */
export async function* inSnapshot<T>(
  pool: Pool,
  readerStallsMs: number,
  read: (tx: pg.PoolClient) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  const tx = await pool.connect();
  // The server ends the session of a reader that stalls; the next fetch says so, the event alone must not end the process.
  const ignore = (): void => undefined;
  tx.on('error', ignore);
  try {
    await tx.query('begin isolation level repeatable read, read only');
    await tx.query(`set local statement_timeout = ${QUERY_MS}`);
    await tx.query(`set local idle_in_transaction_session_timeout = ${readerStallsMs}`);
    yield* read(tx);
  } finally {
    const ended = await tx.query('rollback').then(
      () => true,
      () => false,
    );
    tx.off('error', ignore);
    tx.release(!ended);
  }
}
