import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CsvError, parse } from 'csv-parse';
import type { MerchantFileRow } from '../../db/merchant-file.ts';
import { unguarded } from '../../domain/csv.ts';
import { MAX_AMOUNT_MINOR } from '../../domain/money.ts';
import { invalidRequest, type Fault } from '../http/problem.ts';
import { callerId } from '../http/schemas.ts';

/** Enough for 100,000 lines with the longest ids. */
export const MAX_FILE_BYTES = 10 * 1024 * 1024;

export const FILE_COLUMNS = ['merchantPaymentId', 'type', 'amount', 'currency'] as const;
type Column = (typeof FILE_COLUMNS)[number];

const TYPES = ['PAYMENT', 'CANCEL', 'REFUND'] as const;
const MAX_RECORD_BYTES = 10_000;
const MAX_FAULTS = 1_000;
const CHUNK_BYTES = 64 * 1024;
const BATCH_ROWS = 500;

interface Line {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/**
 * Reads a merchant's file in batches, letting other requests have their turn in between.
 * @throws Problem INVALID_REQUEST at the end, with every fault by line (the first thousand)
 */
export async function* readMerchantFile(
  body: Buffer,
  currency: string,
): AsyncGenerator<MerchantFileRow[], void, undefined> {
  const faults: Fault[] = [];
  let columns: ReadonlyMap<Column, number> | undefined;
  let batch: MerchantFileRow[] = [];
  try {
    for await (const { record, info } of lines(body)) {
      if (columns === undefined) {
        columns = columnsOf(record, faults);
        if (faults.length > 0) break;
        continue;
      }
      const row = readRow(columns, record, info.lines, currency, faults);
      if (faults.length > MAX_FAULTS) break;
      if (row !== undefined && faults.length === 0) batch.push(row);
      if (batch.length === BATCH_ROWS) {
        yield batch;
        batch = [];
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error.lines === 'number' ? error.lines : 1;
    faults.push(fault(line, '', 'MALFORMED_CSV', error.message));
  }
  if (columns === undefined && faults.length === 0)
    faults.push(fault(1, '', 'REQUIRED', `The first line names the columns: ${FILE_COLUMNS.join(',')}.`));
  if (faults.length > 0) throw invalidRequest(faults.slice(0, MAX_FAULTS));
  if (batch.length > 0) yield batch;
}

function lines(body: Buffer): AsyncIterable<Line> {
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_BYTES,
  });
  const source = Readable.from(chunks(body));
  source.on('error', (error) => parser.destroy(error));
  return source.pipe(parser);
}

/** A turn of the event loop between two pieces: a till's request does not wait for a whole file. */
async function* chunks(body: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    yield body.subarray(at, at + CHUNK_BYTES);
    await nextTurn();
  }
}

function columnsOf(head: readonly string[], faults: Fault[]): ReadonlyMap<Column, number> {
  const names = head.map((name) => name.trim());
  const known = FILE_COLUMNS.filter((it) => names.filter((name) => name === it).length === 1);
  for (const name of FILE_COLUMNS)
    if (!known.includes(name)) faults.push(fault(1, name, 'REQUIRED', `The column ${name} must stand once.`));
  for (const name of names)
    if (!FILE_COLUMNS.some((it) => it === name))
      faults.push(fault(1, name, 'UNKNOWN_FIELD', 'This column is not known here.'));
  return new Map(known.map((name) => [name, names.indexOf(name)]));
}

function readRow(
  columns: ReadonlyMap<Column, number>,
  record: readonly string[],
  line: number,
  currency: string,
  faults: Fault[],
): MerchantFileRow | undefined {
  const before = faults.length;
  if (record.length !== FILE_COLUMNS.length) {
    faults.push(fault(line, '', 'COLUMNS', `${record.length} columns instead of ${FILE_COLUMNS.length}.`));
    return undefined;
  }
  const cell = (name: Column): string => record[columns.get(name) ?? -1] ?? '';
  const merchantPaymentId = unguarded(cell('merchantPaymentId'));
  if (!callerId.safeParse(merchantPaymentId).success)
    faults.push(fault(line, 'merchantPaymentId', 'INVALID', 'An id has 1 to 64 of A-Z a-z 0-9 . _ -'));
  const type = TYPES.find((it) => it === cell('type'));
  if (type === undefined) faults.push(fault(line, 'type', 'INVALID', `A type is ${TYPES.join(', ')}.`));
  const amount = Number(cell('amount'));
  if (!/^-?[1-9]\d{0,11}$/.test(cell('amount')) || Math.abs(amount) > MAX_AMOUNT_MINOR) {
    const detail = 'An amount is an integer in minor units, not 0, without grouping.';
    faults.push(fault(line, 'amount', 'INVALID', detail));
  } else if (type !== undefined && amount > 0 !== (type === 'PAYMENT')) {
    const detail = 'Payments are positive, cancels and refunds negative.';
    faults.push(fault(line, 'amount', 'SIGN', detail));
  }
  if (cell('currency') !== currency)
    faults.push(fault(line, 'currency', 'INVALID', `The currency of this merchant is ${currency}.`));
  if (faults.length > before || type === undefined) return undefined;
  return { lineNo: line, type, merchantPaymentId, amount };
}

/** `pointer` is the line, counted from 1, and the column. */
function fault(line: number, column: string, code: string, detail: string): Fault {
  const name = column.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1');
  const pointer = `/${line}${name === '' ? '' : `/${name}`}`;
  return { pointer, code, detail: `Line ${line}: ${detail}`, in: 'body' };
}
