import { createHash } from 'node:crypto';
import { settlementRows, type MerchantDay, type SettlementRow } from '../../db/settlement.ts';
import type { Pool } from '../../db/pool.ts';
import { csvLine, type CsvCell } from '../../domain/csv.ts';

export const REPORT_FORMATS = ['csv', 'jsonl'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

export const REPORT_MEDIA_TYPES = {
  csv: 'text/csv',
  jsonl: 'application/jsonl',
} as const satisfies Record<ReportFormat, string>;

const ROW_COLUMNS = [
  'type',
  'date',
  'at',
  'merchantPaymentId',
  'merchantRefundId',
  'paymentId',
  'refundId',
  'storeId',
  'terminalId',
  'receiptNumber',
  'codeMode',
  'fundingSource',
  'currency',
  'amount',
] as const;

const TOTAL_COLUMNS = ['rows', 'paymentAmount', 'cancelAmount', 'refundAmount', 'final', 'sha256'] as const;

/** The columns of the CSV; those after `amount` are filled in the last line alone, where `amount` is the net. */
export const REPORT_COLUMNS: readonly string[] = [...ROW_COLUMNS, ...TOTAL_COLUMNS];

interface Total {
  readonly type: 'TOTAL';
  readonly date: string;
  readonly merchantId: string;
  readonly timeZone: string;
  readonly currency: string;
  /** The net: what the merchant's account moved by that day. */
  readonly amount: number;
  readonly rows: number;
  readonly paymentAmount: number;
  readonly cancelAmount: number;
  readonly refundAmount: number;
  /** Whether the day was over when the report was made. */
  readonly final: boolean;
  /** Of all lines before this one, with their line ends. */
  readonly sha256: string;
}

/**
 * A merchant's settlement report in pieces of whole lines, made as it is read. The last line has totals by type, the net, the
 * count and the SHA-256 of the lines before it, so that a report that broke off is seen to have.
 * @param onRows hears how many rows have been written
 */
export async function* settlementReport(
  pool: Pool,
  it: { day: MerchantDay; format: ReportFormat; now: Date; onRows?: (rows: number) => void },
): AsyncGenerator<string, void, undefined> {
  const { day, format } = it;
  const hash = createHash('sha256');
  const sums = { PAYMENT: 0, CANCEL: 0, REFUND: 0 };
  let count = 0;
  let lines = format === 'csv' ? csvLine(REPORT_COLUMNS) : '';
  for await (const batch of settlementRows(pool, day)) {
    for (const row of batch) {
      sums[row.type] += row.amount;
      lines += format === 'csv' ? csvRow(row, day.day) : jsonRow(row, day.day);
    }
    count += batch.length;
    hash.update(lines);
    it.onRows?.(count);
    yield lines;
    lines = '';
  }
  hash.update(lines);
  const total: Total = {
    type: 'TOTAL',
    date: day.day,
    merchantId: day.merchantId,
    timeZone: day.timeZone,
    currency: day.currency,
    amount: sums.PAYMENT + sums.CANCEL + sums.REFUND,
    rows: count,
    paymentAmount: sums.PAYMENT,
    cancelAmount: sums.CANCEL,
    refundAmount: sums.REFUND,
    final: it.now.toISOString() >= day.ends,
    sha256: hash.digest('hex'),
  };
  yield lines + (format === 'csv' ? csvTotal(total) : `${JSON.stringify(total)}\n`);
}

function csvRow(row: SettlementRow, date: string): string {
  const cells = { ...row, date };
  return csvLine([...ROW_COLUMNS.map((name) => cells[name]), ...TOTAL_COLUMNS.map(() => null)]);
}

function csvTotal(total: Total): string {
  const cells: Readonly<Record<string, CsvCell | boolean>> = { ...total };
  return csvLine(
    REPORT_COLUMNS.map((name) => {
      const cell = cells[name];
      return typeof cell === 'boolean' ? String(cell) : cell;
    }),
  );
}

function jsonRow(row: SettlementRow, date: string): string {
  const fields = { ...row, date };
  const known = ROW_COLUMNS.map((name) => [name, fields[name]] as const).filter(([, it]) => it !== null);
  return `${JSON.stringify(Object.fromEntries(known))}\n`;
}
