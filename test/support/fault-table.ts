import { readFile } from 'node:fs/promises';
import { assertDefined } from '../../domain/assert.ts';
import type { IssuerFault } from '../../partners/issuer/schemas.ts';

/** A row of a table in docs/: its cells by the headings of their columns. */
export type TableRow = Readonly<Record<string, string>>;

/** The columns that say what happens; the others say how it ends. */
const CAUSES = ['at', 'the issuer', 'killed'];

/** The tables of a file of docs/ whose first column is `at`, in order. */
export async function faultTables(path: string): Promise<TableRow[][]> {
  const blocks = (await readFile(path, 'utf8')).split(/\n\s*\n/);
  return blocks.filter((block) => /^\| at +\|/.test(block)).map(readTable);
}

function readTable(block: string): TableRow[] {
  const [headings = [], , ...rows] = block
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  return rows.map((cells) => Object.fromEntries(headings.map((name, i) => [name, cells[i] ?? ''])));
}

/** `AUTHORISE, TIME_OUT_BEFORE`, as a title. */
export function causeOf(row: TableRow): string {
  return CAUSES.flatMap((name) => row[name] ?? []).join(', ');
}

/** What a row says of the end. */
export function endOf(row: TableRow): TableRow {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !CAUSES.includes(name)));
}

/** Keys of the operations that a case leads to. */
export type KeyOf = (operation: IssuerFault['operation']) => string;

/** What an issuer does when it is asked, in order: `TIME_OUT_AFTER_COMMIT, LOOK_UP ERROR_500 twice`. */
interface Met {
  readonly operation: IssuerFault['operation'];
  readonly fault: IssuerFault['fault'] | 'answers';
  readonly times: number;
}

function metIn(row: TableRow): Met[] {
  // A dispute's refund is a refund to its issuer.
  const at = row.at === 'DISPUTE' ? 'REFUND' : row.at;
  return assertDefined(row['the issuer'])
    .split(', ')
    .map((words, i): Met => {
      const [operation, fault, times] = i === 0 ? [at, ...words.split(' ')] : words.split(' ');
      return {
        operation: operation as Met['operation'],
        fault: fault as Met['fault'],
        times: times === 'twice' ? 2 : 1,
      };
    });
}

/** Until switches are set anew. */
const FOR_GOOD_MS = 600_000;
/** Enough to be a time-out: then the connection ends. */
const TIME_OUT_MS = 200;

const DELAYS_MS: Partial<Record<Met['fault'], number>> = {
  SLOW: FOR_GOOD_MS,
  TIME_OUT_BEFORE: TIME_OUT_MS,
  TIME_OUT_AFTER_COMMIT: TIME_OUT_MS,
};

/** What a row says of the issuer as switches for one case of it. What is SLOW is done when switches are set the next time. */
export function switchesFor(row: TableRow, keyOf: KeyOf): IssuerFault[] {
  return metIn(row).flatMap((met) => switchFor(met, keyOf));
}

function switchFor({ operation, fault, times }: Met, keyOf: KeyOf): IssuerFault[] {
  if (fault === 'answers') return [];
  return [{ operation, key: keyOf(operation), fault, times, delayMs: DELAYS_MS[fault] }];
}

/**
 * The same for a worker that is killed at the last operation of the row. `before`: the call is lost with the worker, and what the row says of the
 * issuer meets the next one. `after`: the issuer has met the call as the row says, and the worker never hears of it.
 *
 * @returns with the switch that hangs until the worker is killed
 */
export function killSwitches(row: TableRow, keyOf: KeyOf): { all: IssuerFault[]; hanging: IssuerFault } {
  const met = metIn(row);
  const last = assertDefined(met.at(-1));
  const isBefore = row.killed === 'before';
  const ofLast = last.fault === 'answers' ? 'TIME_OUT_AFTER_COMMIT' : last.fault;
  const hanging: IssuerFault = {
    operation: last.operation,
    key: keyOf(last.operation),
    fault: isBefore ? 'TIME_OUT_BEFORE' : ofLast,
    times: 1,
    delayMs: FOR_GOOD_MS,
  };
  const others = met.slice(0, -1).flatMap((one) => switchFor(one, keyOf));
  return { all: [...others, hanging, ...(isBefore ? switchFor(last, keyOf) : [])], hanging };
}
