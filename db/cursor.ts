import type pg from 'pg';

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
