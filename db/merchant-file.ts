import { newId } from './id.ts';
import { firstRow, rows, type Db, type Pool } from './pool.ts';
import type { SettlementType } from './settlement.ts';
import { withTransaction } from './tx.ts';

/** One line of a merchant's own books. `amount` is signed, in minor units of the merchant's currency. */
export interface MerchantFileRow {
  readonly lineNo: number;
  readonly type: SettlementType;
  readonly merchantPaymentId: string;
  readonly amount: number;
}

export interface MerchantFile {
  readonly rowCount: number;
  readonly sha256: string;
  readonly receivedAt: Date;
}

/** The file of a day, if the merchant has sent one. */
export async function findMerchantFile(
  db: Db,
  merchantId: string,
  day: string,
): Promise<MerchantFile | undefined> {
  const statement = {
    name: 'merchant_file_find',
    text: `select row_count as "rowCount", sha256, received_at as "receivedAt"
             from merchant_file where merchant_id = $1 and day = $2::date`,
  };
  return firstRow<MerchantFile & Record<string, unknown>>(db, statement, [merchantId, day]);
}

/**
 * Stores a day's file in place of the one before, row by row as they come.
 * @throws what `batches` throws; then the file of before stays
 */
export async function putMerchantFile(
  pool: Pool,
  it: { merchantId: string; day: string; sha256: string; receivedAt: Date },
  batches: AsyncIterable<readonly MerchantFileRow[]>,
): Promise<MerchantFile> {
  const { sha256, receivedAt } = it;
  const fileId = newId('file');
  return withTransaction(pool, async (tx) => {
    const lock = {
      name: 'merchant_file_lock',
      text: `select pg_advisory_xact_lock(hashtextextended('merchant file/' || $1::text || '/' || $2::text, 7))`,
    };
    await rows(tx, lock, [it.merchantId, it.day]);
    const remove = {
      name: 'merchant_file_delete',
      text: 'delete from merchant_file where merchant_id = $1 and day = $2::date',
    };
    await rows(tx, remove, [it.merchantId, it.day]);
    const insert = {
      name: 'merchant_file_insert',
      text: `insert into merchant_file (merchant_id, day, file_id, received_at, sha256, row_count)
             values ($1, $2, $3, $4, $5, 0)`,
    };
    await rows(tx, insert, [it.merchantId, it.day, fileId, receivedAt, sha256]);
    let rowCount = 0;
    for await (const batch of batches) {
      rowCount += batch.length;
      await insertRows(tx, fileId, batch);
    }
    const count = {
      name: 'merchant_file_count',
      text: 'update merchant_file set row_count = $2 where file_id = $1',
    };
    await rows(tx, count, [fileId, rowCount]);
    return { rowCount, sha256, receivedAt };
  });
}

async function insertRows(tx: Db, fileId: string, batch: readonly MerchantFileRow[]): Promise<void> {
  const statement = {
    name: 'merchant_file_rows',
    text: `insert into merchant_file_row (file_id, line_no, type, merchant_payment_id, amount)
           select $1, n, t, p, a from unnest($2::int[], $3::text[], $4::text[], $5::bigint[]) as x(n, t, p, a)`,
  };
  await rows(tx, statement, [
    fileId,
    batch.map((row) => row.lineNo),
    batch.map((row) => row.type),
    batch.map((row) => row.merchantPaymentId),
    batch.map((row) => row.amount),
  ]);
}
