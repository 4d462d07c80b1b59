import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REPORT_COLUMNS } from '../../api/settlement/report.ts';
import { assertDefined } from '../../domain/assert.ts';
import { forge, testBooks } from '../support/books.ts';
import { givenMerchant, givenPayer, uniqueId, type GivenMerchant } from '../support/givens.ts';
import { answerChecker, readOpenApi } from '../support/open-api.ts';
import { compiled } from '../support/program.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

type Line = Readonly<Record<string, string>>;

let stack: Stack;
let folder: string;

beforeAll(async () => {
  stack = await startStack({ workers: 0 });
  folder = await mkdtemp(join(tmpdir(), 'kessai-report-'));
});
afterAll(async () => {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A report as text, with the promises that every report keeps held. */
async function csvOf(merchant: GivenMerchant, date: string): Promise<{ rows: Line[]; total: Line }> {
  const answer = await merchant.call<string>('GET', `/v1/settlement-report?date=${date}`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  const lines: Line[] = parse(answer.body, {
    columns: true,
    relax_column_count: false,
    record_delimiter: '\r\n',
  });
  const total = assertDefined(lines.at(-1));
  const rows = lines.slice(0, -1);
  const before = answer.body.slice(0, answer.body.lastIndexOf('\r\n', answer.body.length - 3) + 2);
  expect(total.type).toBe('TOTAL');
  expect(total.sha256).toBe(createHash('sha256').update(before).digest('hex'));
  expect(total.rows).toBe(String(rows.length));
  const sumOf = (type?: string): string =>
    String(
      rows
        .filter((it) => type === undefined || it.type === type)
        .reduce((sum, it) => sum + Number(it.amount), 0),
    );
  expect(total).toMatchObject({
    amount: sumOf(),
    paymentAmount: sumOf('PAYMENT'),
    cancelAmount: sumOf('CANCEL'),
    refundAmount: sumOf('REFUND'),
  });
  return { rows, total };
}

describe('a settlement report', () => {
  it('has payments, cancels and refunds, each on its own day, as the merchant’s account moved', async () => {
    const merchant = await givenMerchant(stack);
    const books = await testBooks(stack.pool, merchant.merchantId);
    const kept = await books.pay('2025-06-10T03:00:00.000Z', 1_000);
    const canceled = await books.pay('2025-06-10T14:59:59.999Z', 2_000);
    await books.cancel(canceled, '2025-06-10T15:10:00.000Z');
    await books.refund(kept, '2025-06-10T16:00:00.000Z', 300);
    await books.refund(kept, '2025-06-10T16:00:00.000Z', 700);
    const disputed = await books.pay('2025-06-10T15:00:00.000Z', 40);
    await books.refund(disputed, '2025-06-10T17:00:00.000Z', 40, 'DISPUTE');

    const first = await csvOf(merchant, '2025-06-10');
    expect(first.rows.map((it) => [it.type, it.at, it.amount])).toEqual([
      ['PAYMENT', '2025-06-10T03:00:00.000Z', '1000'],
      ['PAYMENT', '2025-06-10T14:59:59.999Z', '2000'],
    ]);
    expect(first.total).toMatchObject({ date: '2025-06-10', currency: 'JPY', final: 'true' });
    const second = await csvOf(merchant, '2025-06-11');
    expect(second.rows.map((it) => [it.type, it.amount])).toEqual([
      ['PAYMENT', '40'],
      ['CANCEL', '-2000'],
      ['REFUND', expect.stringMatching('-[37]00')],
      ['REFUND', expect.stringMatching('-[37]00')],
    ]);
    expect(
      second.rows
        .slice(2)
        .map((it) => it.amount)
        .sort(),
    ).toEqual(['-300', '-700']);
    expect(second.rows[2]).toMatchObject({ type: 'REFUND', merchantPaymentId: kept.merchantPaymentId });
    for (const [date, total] of [
      ['2025-06-10', first.total],
      ['2025-06-11', second.total],
    ] as const)
      expect(Number(total.amount)).toBe(await books.movedOn(date, 'Asia/Tokyo'));
  });

  it.each([
    ['Asia/Tokyo', '2025-06-10'],
    ['America/New_York', '2025-03-09'],
    ['America/New_York', '2025-11-02'],
    ['Australia/Lord_Howe', '2025-04-06'],
    // Clocks go back from 1:00 to 0:00: local midnight comes twice.
    ['America/Havana', '2025-11-02'],
    // Clocks go forward from 0:00 to 1:00: there is no local midnight.
    ['Africa/Cairo', '2025-04-25'],
  ])('loses and doubles nothing at the midnights of %s around %s', async (timeZone, date) => {
    const merchant = await givenMerchant(stack, { timeZone });
    const books = await testBooks(stack.pool, merchant.merchantId);
    const noon = Date.parse(`${date}T12:00:00Z`);
    const quarters = Array.from({ length: 4 * 24 * 3 }, (_, i) => noon + (i - 4 * 36) * 900_000);
    // Around each change of the local date, to the millisecond.
    const dayOf = (ms: number): string => new Intl.DateTimeFormat('sv', { timeZone }).format(ms);
    const borders = quarters.filter((ms) => dayOf(ms) !== dayOf(ms - 1));
    expect(borders.length).toBeGreaterThanOrEqual(2);
    const hour = 3_600_000;
    const moments = borders.flatMap((ms) => [ms - hour, ms - hour / 2, ms - 1, ms, ms + hour / 2, ms + hour]);
    for (const [i, ms] of [...new Set(moments)].entries())
      await books.pay(new Date(ms).toISOString(), 2 ** i);
    let sum = 0;
    for (const day of new Set(moments.map(dayOf))) {
      const { rows, total } = await csvOf(merchant, day);
      expect(rows.every((it) => dayOf(Date.parse(it.at ?? '')) === day)).toBe(true);
      expect(Number(total.amount)).toBe(await books.movedOn(day, timeZone));
      sum += Number(total.amount);
    }
    expect(sum).toBe(2 ** new Set(moments).size - 1);
  });

  it('leaves out what moved no money: declines, tombstones, refunds that failed', async () => {
    const merchant = await givenMerchant(stack);
    const books = await testBooks(stack.pool, merchant.merchantId);
    const at = '2025-06-10T03:00:00.000Z';
    await books.cancel({ merchantPaymentId: 'never-seen' } as Parameters<typeof books.cancel>[0], at);
    await expect(books.pay(at, 99_999_999)).rejects.toThrow('DECLINED');
    const { rows, total } = await csvOf(merchant, '2025-06-10');
    expect(rows).toEqual([]);
    expect(total).toMatchObject({ rows: '0', amount: '0' });
  });

  it('says the same as JSON Lines, by format or by Accept, and the same twice', async () => {
    const merchant = await givenMerchant(stack);
    const books = await testBooks(stack.pool, merchant.merchantId);
    const payment = await books.pay('2025-06-10T03:00:00.000Z', 500);
    await books.refund(payment, '2025-06-10T04:00:00.000Z', 200);
    const path = '/v1/settlement-report?date=2025-06-10';
    const lines = await merchant.call<string>('GET', `${path}&format=jsonl`);
    expect(lines.headers.get('content-type')).toBe('application/jsonl; charset=utf-8');
    expect(lines.headers.get('content-disposition')).toContain('2025-06-10.jsonl');
    const objects = lines.body
      .trimEnd()
      .split('\n')
      .map((it) => JSON.parse(it) as Record<string, unknown>);
    const before = lines.body.slice(0, lines.body.lastIndexOf('\n', lines.body.length - 2) + 1);
    expect(objects.at(-1)).toMatchObject({
      type: 'TOTAL',
      merchantId: merchant.merchantId,
      amount: 300,
      rows: 2,
      final: true,
      sha256: createHash('sha256').update(before).digest('hex'),
    });
    const { rows } = await csvOf(merchant, '2025-06-10');
    const asText = (it: Record<string, unknown>): unknown[] =>
      REPORT_COLUMNS.map((name) => (it[name] === undefined ? '' : `${it[name] as string | number}`));
    expect(objects.slice(0, -1).map(asText)).toEqual(rows.map(asText));
    const byAccept = await merchant.call<string>('GET', path, undefined, { accept: 'application/jsonl' });
    expect(byAccept.body).toBe(lines.body);
  });

  it('guards texts that a spreadsheet would run, and keeps negative amounts numbers', async () => {
    const merchant = await givenMerchant(stack);
    const books = await testBooks(stack.pool, merchant.merchantId);
    const payment = await books.pay('2025-06-10T03:00:00.000Z', 500, { merchantPaymentId: '-1-2' });
    await books.cancel(payment, '2025-06-10T03:01:00.000Z');
    await stack.pool.query(`update payment set receipt_number = '=cmd|"/c calc",1' where payment_id = $1`, [
      payment.paymentId,
    ]);
    const { rows } = await csvOf(merchant, '2025-06-10');
    expect(rows).toMatchObject([
      { merchantPaymentId: "'-1-2", receiptNumber: `'=cmd|"/c calc",1`, amount: '500' },
      { merchantPaymentId: "'-1-2", amount: '-500' },
    ]);
  });

  it('says of today that it is not final, and refuses a day that has not begun or is none', async () => {
    const merchant = await givenMerchant(stack);
    const today = new Intl.DateTimeFormat('sv', { timeZone: 'Asia/Tokyo' }).format(Date.now());
    expect((await csvOf(merchant, today)).total.final).toBe('false');
    const inAWeek = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
    for (const query of [
      `date=${inAWeek}`,
      'date=2025-02-29',
      'date=today',
      'date=1999-01-01',
      '',
      'date=2025-06-10&format=xml',
    ])
      expect((await merchant.call('GET', `/v1/settlement-report?${query}`)).status).toBe(400);
  });

  it('is the merchant’s own, and as documented', async () => {
    const merchant = await givenMerchant(stack);
    const payer = await givenPayer(stack);
    const path = '/v1/settlement-report?date=2025-06-10';
    expect((await payer.call('GET', path)).status).toBe(403);
    const faultsOf = answerChecker(await readOpenApi(stack.baseUrl));
    for (const format of ['csv', 'jsonl'])
      expect(
        faultsOf('GET /v1/settlement-report', await merchant.call('GET', `${path}&format=${format}`)),
      ).toEqual([]);
    const head = await fetch(`${stack.baseUrl}${path}`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${merchant.key}` },
    });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-type')).toContain('text/csv');
  });
});

/** Rows alone, by the hundred thousand: what is tested is how they are read. */
async function givenLongDay(merchantId: string, rows: number): Promise<void> {
  await forge(
    stack.pool,
    `insert into payment (payment_id, merchant_id, merchant_payment_id, store_id, terminal_id, status, amount, currency,
                          code_mode, funding_source, transfer_id, policy_version, requested_at, decided_at)
     select 'pay_${merchantId}_' || i, '${merchantId}', 'p' || i, 's1', 't1', 'COMPLETED', i, 'JPY', 'ONLINE', 'BALANCE',
            't' || i, 'v', '2025-06-10T03:00:00Z', '2025-06-10T03:00:00Z'::timestamptz + make_interval(secs => i % 1000)
       from generate_series(1, ${rows}) i`,
  );
}

const inUse = (): number => stack.pool.totalCount - stack.pool.idleCount;

describe('a long settlement report', () => {
  const ROWS = 60_000;
  let merchant: GivenMerchant;
  beforeAll(async () => {
    merchant = await givenMerchant(stack);
    await givenLongDay(merchant.merchantId, ROWS);
  });
  const read = (signal?: AbortSignal): Promise<Response> =>
    fetch(`${stack.baseUrl}/v1/settlement-report?date=2025-06-10`, {
      headers: { authorization: `Bearer ${merchant.key}` },
      ...(signal === undefined ? {} : { signal }),
    });

  it('arrives whole', async () => {
    const { rows, total } = await csvOf(merchant, '2025-06-10');
    expect(rows).toHaveLength(ROWS);
    expect(Number(total.amount)).toBe((ROWS * (ROWS + 1)) / 2);
    expect(inUse()).toBe(0);
  });

  it('gives its connection back when the reader goes away, and lets four be read at once', async () => {
    const stop = new AbortController();
    const open = await Promise.all([1, 2, 3, 4].map(() => read(stop.signal)));
    expect(open.map((it) => it.status)).toEqual([200, 200, 200, 200]);
    expect(inUse()).toBe(4);
    const fifth = await read();
    expect(fifth.status).toBe(503);
    expect(fifth.headers.get('retry-after')).toBe('2');
    stop.abort();
    await until('all connections are back', () => inUse() === 0);
    const next = await read();
    expect(next.status).toBe(200);
    await next.body?.cancel();
    await until('the last one is back', () => inUse() === 0);
  });

  it('is cut off, not ended, when Postgres goes away under it', async () => {
    // Nobody reads the body yet and it is larger than all buffers: the report cannot be at its end. Its session is cut
    // by what it read last, as it may be fetching or waiting for us.
    const answer = await read();
    const cut = await stack.pool.query(`select pg_terminate_backend(pid) as ended from pg_stat_activity
                                         where datname = current_database() and query like 'fetch %'`);
    expect(cut.rows).toEqual([{ ended: true }]);
    await expect(answer.text()).rejects.toThrow();
    await until('the connection is gone', () => inUse() === 0);
    expect((await (await read()).text()).length).toBeGreaterThan(ROWS);
  });

  it('comes from npm run report to the byte, whole or not at all', { timeout: 120_000 }, async () => {
    const run = (...args: string[]) =>
      promisify(execFile)(process.execPath, [compiled('api/settlement/report-main.ts'), ...args], {
        env: { ...process.env, DATABASE_URL: stack.databaseUrl },
        maxBuffer: 100_000_000,
      }).catch((error: unknown) => error as { code: number; stdout: string; stderr: string });
    const out = join(folder, 'report.csv');
    const day = ['--merchant', merchant.merchantId, '--date', '2025-06-10'];
    const done = await run(...day, '--out', out);
    expect(done.stderr).toContain(`${ROWS} rows of ${merchant.merchantId} on 2025-06-10 (Asia/Tokyo).`);
    expect(done.stderr).toContain('20000 rows ...');
    const api = await merchant.call<string>('GET', '/v1/settlement-report?date=2025-06-10');
    expect(await readFile(out, 'utf8')).toBe(api.body);
    expect((await run(...day)).stdout).toBe(api.body);
    expect(await run('--merchant', uniqueId('none'), '--date', '2025-06-10')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no merchant') as string,
    });
    expect(await run('--merchant', 'm', '--date', '2025-13-01')).toMatchObject({ code: 1 });
    expect(await run(...day, '--out', join(folder, 'none', 'x.csv'))).toMatchObject({ code: 2 });
    expect(await readdir(folder)).toEqual(['report.csv']);
  });
});
