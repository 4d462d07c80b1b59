import { open, rename, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { createPool, type Pool } from '../../db/pool.ts';
import { findMerchantDay } from '../../db/settlement.ts';
import { databaseUrl, Refusal } from '../command.ts';
import { REPORT_FORMATS, settlementReport } from './report.ts';

/** `npm run report`: a merchant's settlement report, as `GET /v1/settlement-report` answers it. */
const USAGE = `Usage: npm run -s report -- --merchant MERCHANT_ID --date YYYY-MM-DD [--format csv|jsonl] [--out FILE]
The settlement report of a merchant's day: payments, cancels and refunds, with totals and a checksum in the last line.
Without --out it goes to standard output. DATABASE_URL says which books; without it the local stack of npm start.`;

/** Longer reports say how far they are. */
const PROGRESS_ROWS = 20_000;

try {
  process.exitCode = await run();
} catch (error) {
  const isOurs = error instanceof Refusal;
  console.error(isOurs ? error.message : `The report could not be made: ${messageOf(error)}`);
  process.exitCode = isOurs ? 1 : 2;
}

async function run(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 0;
  const pool = createPool(databaseUrl(), { max: 1, name: 'kessai-report' });
  try {
    await report(pool, options);
    return 0;
  } finally {
    await pool.end();
  }
}

interface Options {
  readonly merchantId: string;
  readonly date: string;
  readonly format: (typeof REPORT_FORMATS)[number];
  readonly out: string | undefined;
}

function readOptions(): Options | undefined {
  const text = { type: 'string' } as const;
  let values;
  try {
    ({ values } = parseArgs({
      options: { merchant: text, date: text, format: text, out: text, help: { type: 'boolean' } },
    }));
  } catch (error) {
    throw new Refusal(`${messageOf(error)}\n${USAGE}`);
  }
  if (values.help === true) {
    console.log(USAGE);
    return undefined;
  }
  const { merchant, date, format: wanted = 'csv', out } = values;
  const format = REPORT_FORMATS.find((it) => it === wanted);
  if (merchant === undefined || date === undefined) throw new Refusal(USAGE);
  if (format === undefined) throw new Refusal(`--format is ${REPORT_FORMATS.join(' or ')}, not ${wanted}.`);
  if (!isDay(date)) throw new Refusal(`--date is a day such as 2026-11-22, not ${date}.`);
  return { merchantId: merchant, date, format, out };
}

function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

async function report(pool: Pool, { merchantId, date, format, out }: Options): Promise<void> {
  const day = await findMerchantDay(pool, merchantId, date);
  if (day === undefined) throw new Refusal(`There is no merchant ${merchantId}.`);
  const now = new Date();
  if (day.begins > now.toISOString()) throw new Refusal(`${date} has not begun in ${day.timeZone}.`);
  let said = 0;
  let count = 0;
  const onRows = (rows: number): void => {
    count = rows;
    if (rows - said < PROGRESS_ROWS) return;
    said = rows;
    console.error(`${rows} rows ...`);
  };
  const pieces = settlementReport(pool, { day, format, now, onRows });
  await (out === undefined ? print(pieces) : save(pieces, out));
  const open = now.toISOString() < day.ends ? ' so far: the day is not over' : '';
  console.error(`${count} rows of ${merchantId} on ${date} (${day.timeZone})${open}.`);
}

async function print(pieces: AsyncIterable<string>): Promise<void> {
  for await (const piece of pieces) if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
}

/** A file of that name is there whole or not at all. */
async function save(pieces: AsyncIterable<string>, out: string): Promise<void> {
  const unfinished = `${out}.part`;
  const file = await open(unfinished, 'w');
  try {
    for await (const piece of pieces) await file.write(piece);
    await file.close();
    await rename(unfinished, out);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(unfinished, { force: true });
    throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
