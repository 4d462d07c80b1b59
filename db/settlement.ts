import { inBatches, inSnapshot } from './cursor.ts';
import { MERCHANT_BOOK } from './merchant-book.ts';
import { firstRow, type Db, type Pool } from './pool.ts';

export type SettlementType = 'PAYMENT' | 'CANCEL' | 'REFUND';

/** One movement of a merchant's money. `amount` is in minor units, negative when it was taken back. */
export interface SettlementRow {
  readonly type: SettlementType;
  /** RFC 3339 in UTC. */
  readonly at: string;
  readonly merchantPaymentId: string;
  readonly merchantRefundId: string | null;
  readonly paymentId: string;
  readonly refundId: string | null;
  readonly storeId: string | null;
  readonly terminalId: string | null;
  readonly receiptNumber: string | null;
  readonly codeMode: string | null;
  readonly fundingSource: string | null;
  readonly currency: string;
  readonly amount: number;
}

/** A merchant's local day. */
export interface MerchantDay {
  readonly merchantId: string;
  readonly timeZone: string;
  readonly currency: string;
  /** `YYYY-MM-DD` in the merchant's time zone. */
  readonly day: string;
  /** RFC 3339 with microseconds; the day is from `begins` on and before `ends`. */
  readonly begins: string;
  readonly ends: string;
}

/** The bounds of a merchant's day; none for an unknown merchant. */
export async function findMerchantDay(
  db: Db,
  merchantId: string,
  day: string,
): Promise<MerchantDay | undefined> {
  const statement = {
    name: 'merchant_day',
    text: `select merchant_id as "merchantId", time_zone as "timeZone", currency, $2::date::text as day,
                  cursor_time(local_day_start($2::date, time_zone)) as begins,
                  cursor_time(local_day_start($2::date + 1, time_zone)) as ends
             from merchant where merchant_id = $1`,
  };
  return firstRow<MerchantDay & Record<string, unknown>>(db, statement, [merchantId, day]);
}

const BATCH_ROWS = 500;
/** A reader that takes nothing for so long is left: its connection is another one's. */
const READER_STALLS_MS = 60_000;

/**
 * The movements of a day in order of time, in batches, out of one snapshot. Ends the transaction when the reader stops.
 * @throws when the reader takes nothing for a minute
 */
export async function* settlementRows(
  pool: Pool,
  day: MerchantDay,
): AsyncGenerator<SettlementRow[], void, undefined> {
  yield* inSnapshot(pool, READER_STALLS_MS, (tx) =>
    inBatches<SettlementRow & Record<string, unknown>>(
      tx,
      `select type, rfc3339(at) as at, merchant_payment_id as "merchantPaymentId",
              merchant_refund_id as "merchantRefundId", payment_id as "paymentId", refund_id as "refundId",
              store_id as "storeId", terminal_id as "terminalId", receipt_number as "receiptNumber",
              code_mode as "codeMode", funding_source as "fundingSource", currency, amount
         from (${MERCHANT_BOOK}) book
        where merchant_id = $1 and at >= $2::timestamptz and at < $3::timestamptz
        order by book.at, type_rank, book_id`,
      [day.merchantId, day.begins, day.ends],
      BATCH_ROWS,
    ),
  );
}
