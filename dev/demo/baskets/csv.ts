import { CsvError, parse } from 'csv-parse/sync';
import { SetupProblem } from '../../setup-problem.ts';
import { readRow, type Row } from './row.ts';

export const COLUMNS = [
  'basket_id',
  'household_id',
  'store_id',
  'timestamp_local',
  'product_id',
  'department',
  'product_category',
  'product_type',
  'quantity',
  'sales_value',
  'retail_disc',
  'coupon_disc',
  'coupon_match_disc',
] as const;
export type Column = (typeof COLUMNS)[number];

const FAULTS_SHOWN = 20;

/**
 * Reads the whole file before anything is paid.
 * @throws SetupProblem that names the line and the fault, for every fault
 */
export function readRows(text: string, fileName: string): Row[] {
  const [head, ...lines] = split(text, fileName);
  if (head === undefined) throw new SetupProblem(`${fileName} is empty.`);
  const missing = COLUMNS.filter((column) => !head.cells.includes(column));
  if (missing.length > 0) {
    throw new SetupProblem(`${fileName} line 1: the column ${missing.join(', ')} is missing.`);
  }
  if (lines.length === 0) throw new SetupProblem(`${fileName} has no line below its head.`);

  const faults: string[] = [];
  const rows: Row[] = [];
  for (const { line, cells } of lines) {
    if (cells.length !== head.cells.length) {
      faults.push(`line ${line}: ${cells.length} columns instead of ${head.cells.length}`);
      continue;
    }
    const cell = (column: Column): string => cells[head.cells.indexOf(column)] ?? '';
    const result = readRow(line, cell);
    if (result.kind === 'row') rows.push(result.row);
    else faults.push(...result.faults.map((fault) => `line ${line}: ${fault}`));
  }
  faults.push(...contradictions(rows));
  if (faults.length > 0) throw new SetupProblem(describe(fileName, faults));
  return rows;
}

interface Line {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Cells of each line with its number; an empty line is none. */
function split(text: string, fileName: string): Line[] {
  try {
    const records = parse(text, {
      bom: true,
      info: true,
      // All three, not the first one found: a file that was put together has both kinds of line ends.
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
      // The types of csv-parse know nothing of `info`.
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return records.map(({ record, info }) => ({ line: info.lines, cells: record }));
  } catch (error) {
    if (error instanceof CsvError) throw new SetupProblem(`${fileName} is no CSV: ${error.message}.`);
    throw error;
  }
}

/** A basket is bought by one household in one store at one time. */
function contradictions(rows: readonly Row[]): string[] {
  const firstOf = new Map<string, Row>();
  return rows.flatMap((row) => {
    const first = firstOf.get(row.basketId);
    if (first === undefined) {
      firstOf.set(row.basketId, row);
      return [];
    }
    const differing = (['householdId', 'storeId', 'timestamp'] as const).filter(
      (name) => row[name] !== first[name],
    );
    return differing.map(
      (name) =>
        `line ${row.line}: basket ${row.basketId} has ${name} ${row[name]}, on line ${first.line} it has ${first[name]}`,
    );
  });
}

function describe(fileName: string, faults: readonly string[]): string {
  const rest = faults.length - FAULTS_SHOWN;
  return [
    `${fileName} has ${faults.length === 1 ? 'one fault' : `${faults.length} faults`}; nothing was paid.`,
    ...faults.slice(0, FAULTS_SHOWN).map((fault) => `  ${fault}`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ].join('\n');
}
