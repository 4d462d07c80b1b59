import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { holidaysOfZone } from '../../../db/public-holiday.ts';
import { tariffCalendar } from '../../../db/tariff-calendar.ts';
import { feeOf, tariffOf } from '../../../domain/parking/fee.ts';
import { rateTableFaults } from '../../../domain/parking/rate-table-faults.ts';
import { slowFee } from './minute-by-minute.ts';
import { TABLES, type TableName } from './tables.ts';
import { lineInWords } from './words.ts';

/** A stay worked out by hand: the tables are in tables.ts, times are RFC 3339 without seconds, `how` is the arithmetic. */
interface WorkedCase {
  readonly table: TableName;
  readonly zone: string;
  readonly entry: string;
  readonly exit: string;
  readonly fee: number;
  readonly how: string;
  readonly source?: string;
  readonly lines?: readonly string[];
}

const WEEK_MS = 7 * 86_400_000;
const CASES = JSON.parse(
  readFileSync(new URL('cases.json', import.meta.url), 'utf8'),
) as readonly WorkedCase[];

it.each(Object.entries(TABLES))('the table "%s" is without fault', (_, table) => {
  expect(rateTableFaults(table)).toEqual([]);
});

it.each(CASES)('$table, $entry to $exit: $fee ($how)', ({ table, zone, entry, exit, fee, lines }) => {
  const stay = { entryMs: Date.parse(entry), exitMs: Date.parse(exit) };
  const holidays = holidaysOfZone(zone);
  const answer = feeOf(tariffOf(TABLES[table]), tariffCalendar(zone, holidays), stay);
  expect(answer.amount).toBe(fee);
  expect(answer.lines.reduce((sum, line) => sum + line.amount, 0)).toBe(fee);
  if (lines !== undefined) expect(answer.lines.map((line) => lineInWords(line, zone))).toEqual(lines);
  // The slow way takes its time: up to a week.
  if (TABLES[table].taxIncluded && stay.exitMs - stay.entryMs < WEEK_MS)
    expect(slowFee(TABLES[table], zone, holidays, stay)).toBe(fee);
});

it('the cases are a hundred, a third of them from public sources', () => {
  expect(CASES.length).toBeGreaterThan(100);
  expect(CASES.filter((it) => it.source !== undefined).length).toBeGreaterThanOrEqual(30);
});
