import { createHash } from 'node:crypto';
import { parse as parseCsv } from 'csv-parse/sync';
import { inTransaction, type Pool, type Transaction } from '../shared/database.ts';
import { bookRepayment } from './statements.ts';

/** What the bank says of one debit. `result` is PAID, or the bank's own code of why it took nothing. */
interface DebitRow {
  readonly line: number;
  readonly debitId: string;
  readonly statementId: string;
  readonly amount: number;
  readonly currency: string;
  readonly debitedOn: string;
  readonly result: string;
}

export interface RowFault {
  readonly line: number;
  readonly column: string;
  readonly detail: string;
}

/** Either everything of a file is booked or nothing. `known`: rows that an earlier file has brought, with the same content. */
export type ImportReport =
  | {
      readonly status: 'BOOKED';
      readonly rows: number;
      readonly paid: number;
      readonly failed: number;
      readonly known: number;
    }
  | { readonly status: 'REFUSED'; readonly rows: number; readonly faults: readonly RowFault[] };

const COLUMNS = ['debitId', 'statementId', 'amount', 'currency', 'debitedOn', 'result'] as const;
const MAX_ROWS = 100_000;
const MAX_FAULTS = 1_000;

/** Of each column: what it has to look like, in words. */
const RULES: Readonly<Record<(typeof COLUMNS)[number], readonly [RegExp, string]>> = {
  debitId: [/^[A-Za-z0-9._-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 . _ -'],
  statementId: [/^[A-Za-z0-9._-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 . _ -'],
  amount: [/^[1-9]\d{0,11}$/, 'a whole number from 1, in minor units'],
  currency: [/^[A-Z]{3}$/, 'three capital letters (ISO 4217)'],
  debitedOn: [/^\d{4}-\d{2}-\d{2}$/, 'a day such as 2026-11-27'],
  result: [/^[A-Z0-9_]{1,32}$/, "PAID, or the bank's code: 1 to 32 of A-Z 0-9 _"],
};

/**
 * Books the results of a bank's debits from CSV. All faults are told, with line and column; a file with one changes nothing. The same
 * file again, or a row of it in another, is booked once.
 */
export async function importBankDebits(pool: Pool, csv: string): Promise<ImportReport> {
  const { rows, faults } = readRows(csv);
  if (faults.length > 0) return { status: 'REFUSED', rows: rows.length, faults: faults.slice(0, MAX_FAULTS) };
  const counts = { paid: 0, failed: 0, known: 0 };
  try {
    await inTransaction(pool, async (tx) => {
      // One file at a time: rows of two must not wait for each other.
      await tx.query("select pg_advisory_xact_lock(hashtext('issuer bank debits'))");
      for (const row of rows) await bookRow(tx, row, counts, faults);
      if (faults.length > 0) throw new FaultyFile();
    });
  } catch (error) {
    if (!(error instanceof FaultyFile)) throw error;
    return { status: 'REFUSED', rows: rows.length, faults: faults.slice(0, MAX_FAULTS) };
  }
  return { status: 'BOOKED', rows: rows.length, ...counts };
}

/** Takes the transaction back. */
class FaultyFile extends Error {}

async function bookRow(
  tx: Transaction,
  row: DebitRow,
  counts: { paid: number; failed: number; known: number },
  faults: RowFault[],
): Promise<void> {
  const { line, debitId, statementId, amount, currency, debitedOn, result } = row;
  const digest = createHash('sha256')
    .update([statementId, amount, currency, debitedOn, result].join('\n'))
    .digest('hex');
  const stored = await tx.query<{ digest: string; isNew: boolean }>(
    `with added as (
       insert into issuer.bank_debit (debit_id, statement_id, amount, debited_on, result, digest)
       values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning digest)
     select digest, true as "isNew" from added
     union all select digest, false from issuer.bank_debit where debit_id = $1`,
    [debitId, statementId, amount, debitedOn, result, digest],
  );
  const [found] = stored.rows;
  if (found?.isNew !== true) {
    if (found?.digest === digest) counts.known += 1;
    else faults.push({ line, column: 'debitId', detail: 'was told before with other contents' });
    return;
  }
  if (result !== 'PAID') {
    counts.failed += 1;
    return;
  }
  const paidAt = `${debitedOn}T00:00:00Z`;
  const booked = await bookRepayment(tx, {
    statementId,
    repaymentId: debitId,
    channel: 'BANK_DEBIT',
    amount,
    currency,
    paidAt,
  });
  if (booked === 'BOOKED') counts.paid += 1;
  else faults.push({ line, column: COLUMN_OF[booked], detail: booked });
}

const COLUMN_OF = {
  STATEMENT_UNKNOWN: 'statementId',
  CURRENCY_MISMATCH: 'currency',
  REPAYMENT_ID_USED: 'debitId',
  STATEMENT_PAID: 'statementId',
  EXCEEDS_REMAINING: 'amount',
} as const;

function readRows(csv: string): { rows: DebitRow[]; faults: RowFault[] } {
  const faults: RowFault[] = [];
  let records: { record: string[]; info: { lines: number } }[];
  try {
    // The types of csv-parse do not know what `info` adds.
    records = parseCsv(csv, {
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
    }) as unknown as typeof records;
  } catch (error) {
    const detail = error instanceof Error ? error.message : 'it cannot be read';
    return { rows: [], faults: [{ line: 1, column: '', detail: `no CSV: ${detail}` }] };
  }
  const [header, ...body] = records;
  if (header?.record.join(',') !== COLUMNS.join(',')) {
    return { rows: [], faults: [{ line: 1, column: '', detail: `the header must be ${COLUMNS.join(',')}` }] };
  }
  if (body.length > MAX_ROWS) {
    return { rows: [], faults: [{ line: MAX_ROWS + 2, column: '', detail: `more than ${MAX_ROWS} rows` }] };
  }
  const seen = new Map<string, number>();
  const rows = body.map(({ record, info }): DebitRow => {
    const line = info.lines;
    if (record.length !== COLUMNS.length)
      faults.push({ line, column: '', detail: `${record.length} cells instead of ${COLUMNS.length}` });
    else for (const fault of cellFaults(line, record)) faults.push(fault);
    const [debitId = '', statementId = '', amount = '', currency = '', debitedOn = '', result = ''] = record;
    const before = seen.get(debitId);
    if (before !== undefined)
      faults.push({ line, column: 'debitId', detail: `stands in line ${before} too` });
    else seen.set(debitId, line);
    return { line, debitId, statementId, amount: Number(amount), currency, debitedOn, result };
  });
  return { rows, faults };
}

function cellFaults(line: number, record: readonly string[]): RowFault[] {
  return COLUMNS.flatMap((column, i) => {
    const [pattern, what] = RULES[column];
    const cell = record[i] ?? '';
    const isRight = pattern.test(cell) && (column !== 'debitedOn' || isDay(cell));
    return isRight ? [] : [{ line, column, detail: `is not ${what}` }];
  });
}

function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}
