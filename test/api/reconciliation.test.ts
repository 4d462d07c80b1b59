import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { apiClient, type Answer, type ApiCall } from '../support/client.ts';
import { testBooks } from '../support/books.ts';
import type { ProblemBody } from '../support/edge.ts';
import { givenMerchant, givenPayer, type GivenMerchant } from '../support/givens.ts';
import { answerChecker, readOpenApi, undocumentedAnswers } from '../support/open-api.ts';
import { compiled } from '../support/program.ts';
import { openBreaks } from '../support/reconcile.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const DAY = '2025-06-10';
const NOON = '2025-06-10T03:00:00.000Z';
const HEAD = 'merchantPaymentId,type,amount,currency';
const CSV = { 'content-type': 'text/csv; charset=utf-8' };

interface Break {
  readonly breakId: string;
  readonly class: string;
  readonly reference: string;
  readonly ageDays: number;
  readonly resolvedAt: string | null;
}
interface Page {
  readonly items: readonly Break[];
  readonly nextCursor: string | null;
}

let stack: Stack;
let admin: ApiCall;

beforeAll(async () => {
  stack = await startStack();
  admin = apiClient(stack.baseUrl, stack.adminKey);
});
afterAll(() => stack.stop());

function put<Body = Record<string, unknown>>(
  merchant: GivenMerchant,
  lines: readonly string[],
  it: { date?: string; headers?: Record<string, string> } = {},
): Promise<Answer<Body>> {
  const body = [HEAD, ...lines].join('\n');
  return merchant.call('PUT', `/v1/reconciliation-files/${it.date ?? DAY}`, body, it.headers ?? CSV);
}

async function storedRows(merchant: GivenMerchant): Promise<unknown[]> {
  const found = await stack.pool.query<Record<string, unknown>>(
    `select r.merchant_payment_id as id, r.type, r.amount, r.line_no as line from merchant_file_row r join merchant_file f using (file_id)
      where f.merchant_id = $1 order by line_no`,
    [merchant.merchantId],
  );
  return found.rows;
}

describe("a merchant's file", () => {
  it('is stored, compared at once, and replaced by a later one of its day', async () => {
    const merchant = await givenMerchant(stack);
    const books = await testBooks(stack.pool, merchant.merchantId);
    await books.pay(NOON, 500, { merchantPaymentId: 'o1' });
    const wrong = await put(merchant, ['o1,PAYMENT,400,JPY']);
    expect(wrong).toMatchObject({ status: 200, body: { date: DAY, rows: 1 } });
    await until('the break', async () => (await openBreaks(stack.pool, merchant.merchantId)).length === 1);
    expect((await put(merchant, ['o1,PAYMENT,500,JPY'])).status).toBe(200);
    await until('it is gone', async () => (await openBreaks(stack.pool, merchant.merchantId)).length === 0);
    expect(await storedRows(merchant)).toEqual([{ id: 'o1', type: 'PAYMENT', amount: 500, line: 2 }]);
    const again = await put(merchant, ['o1,PAYMENT,500,JPY']);
    expect(again.headers.get('idempotency-hit')).toBe('true');
  });

  it('may have a byte order mark, CRLF, quotes, guarded ids, columns in any order, gzip', async () => {
    const merchant = await givenMerchant(stack);
    const text =
      '\ufefftype,"currency",amount,merchantPaymentId\r\nREFUND,JPY,-5,"\'-1"\r\n\r\nCANCEL,JPY,-7,b\r\n';
    const response = await fetch(`${stack.baseUrl}/v1/reconciliation-files/${DAY}`, {
      method: 'PUT',
      headers: { ...CSV, authorization: `Bearer ${merchant.key}`, 'content-encoding': 'gzip' },
      body: gzipSync(text),
    });
    expect(response.status).toBe(200);
    expect(await storedRows(merchant)).toMatchObject([
      { id: '-1', type: 'REFUND', amount: -5 },
      { id: 'b', type: 'CANCEL', amount: -7 },
    ]);
  });

  it('with faults is refused whole, each named by line, and what was stored stays', async () => {
    const merchant = await givenMerchant(stack);
    await put(merchant, ['o1,PAYMENT,1,JPY']);
    const bad = await put<ProblemBody>(merchant, [
      'o1,PAYMENT,500,JPY',
      'o 2,PAYMENT,500,JPY',
      'o3,SALE,500,JPY',
      'o4,PAYMENT,-500,JPY',
      'o5,REFUND,500,JPY',
      'o6,PAYMENT,1.5,USD',
      'o7,PAYMENT,0,JPY',
      'o8,PAYMENT,1',
      'o9,PAYMENT,9999999999999,JPY',
    ]);
    expect(bad.status).toBe(400);
    expect(bad.body.errors?.map((it) => it.pointer)).toEqual([
      '/3/merchantPaymentId',
      '/4/type',
      '/5/amount',
      '/6/amount',
      '/7/amount',
      '/7/currency',
      '/8/amount',
      '/9',
      '/10/amount',
    ]);
    expect(await storedRows(merchant)).toMatchObject([{ id: 'o1', amount: 1 }]);
  });

  it.each([
    ['no line at all', '', '/1'],
    ['a column too many', `${HEAD},note\n`, '/1/note'],
    ['a column missing', 'merchantPaymentId,type,amount\n', '/1/currency'],
    ['a quote that never ends', `${HEAD}\n"o1,PAYMENT,1,JPY\n`, '/'],
    ['a line without end', `${HEAD}\n${'x'.repeat(20_000)}`, '/2'],
  ])('with %s is refused', async (_, body, pointer) => {
    const merchant = await givenMerchant(stack);
    const answer = await merchant.call<ProblemBody>('PUT', `/v1/reconciliation-files/${DAY}`, body, CSV);
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.[0]?.pointer).toContain(pointer);
    expect(await storedRows(merchant)).toEqual([]);
  });

  it('has 100,000 lines without keeping others waiting; over 10 MiB is 413; another type is 415', async () => {
    const merchant = await givenMerchant(stack);
    const nobody = apiClient(stack.baseUrl);
    const lines = Array.from({ length: 100_000 }, (_, i) => `order-2026-${i},PAYMENT,${i + 1},JPY`);
    const done = { yet: false };
    const upload = put(merchant, lines).finally(() => (done.yet = true));
    let slowestMs = 0;
    while (!done.yet) {
      const startMs = performance.now();
      await nobody('GET', '/v1/time');
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
    }
    expect(await upload).toMatchObject({ status: 200, body: { rows: 100_000 } });
    expect(slowestMs).toBeLessThan(1_000);
    const big = await put<ProblemBody>(merchant, ['x'.repeat(10 * 1024 * 1024)]);
    expect(big).toMatchObject({
      status: 413,
      body: { code: 'PAYLOAD_TOO_LARGE', detail: 'This body may have at most 10 MiB.' },
    });
    expect((await put(merchant, [], { headers: { 'content-type': 'application/json' } })).status).toBe(415);
  }, 60_000);

  it('of a day that has not begun is refused, and of another role too', async () => {
    const merchant = await givenMerchant(stack);
    expect((await put(merchant, [], { date: '2999-01-01' })).status).toBe(400);
    expect((await put(merchant, [], { date: 'yesterday' })).status).toBe(400);
    const payer = await givenPayer(stack);
    expect((await payer.call('PUT', `/v1/reconciliation-files/${DAY}`, HEAD, CSV)).status).toBe(403);
  });
});

describe('the list of breaks', () => {
  let merchant: GivenMerchant;
  beforeAll(async () => {
    merchant = await givenMerchant(stack);
    await put(merchant, ['a,PAYMENT,1,JPY', 'b,PAYMENT,2,JPY', 'c,REFUND,-3,JPY']);
    await until('three breaks', async () => (await openBreaks(stack.pool, merchant.merchantId)).length === 3);
  });

  it('goes page by page, narrowed, with ages, and shows a merchant its own only', async () => {
    const path = '/v1/reconciliation-breaks';
    const seen: string[] = [];
    for (let after = ''; ;) {
      const { body } = await merchant.call<Page>('GET', `${path}?limit=2${after}`);
      seen.push(...body.items.map((it) => it.reference));
      if (body.nextCursor === null) break;
      after = `&after=${body.nextCursor}`;
    }
    expect(seen.sort()).toEqual(['PAYMENT a', 'PAYMENT b', 'REFUND c']);
    const other = await givenMerchant(stack);
    expect((await other.call<Page>('GET', `${path}?merchantId=${merchant.merchantId}`)).body.items).toEqual(
      [],
    );
    await stack.pool.query(
      `update reconciliation_break set opened_at = opened_at - interval '3 days 1 hour' where merchant_id = $1 and reference = 'PAYMENT a'`,
      [merchant.merchantId],
    );
    const ofAdmin = `${path}?merchantId=${merchant.merchantId}&class=missing_ours&open=true&counterpart=MERCHANT_FILE&date=${DAY}`;
    const { body } = await admin<Page>('GET', ofAdmin);
    expect(body.items.map((it) => [it.reference, it.ageDays])).toContainEqual(['PAYMENT a', 3]);
    expect((await admin<Page>('GET', ofAdmin.replace('missing_ours', 'late'))).body.items).toEqual([]);
    expect((await admin('GET', `${path}?class=wrong`)).status).toBe(400);
  });

  it('comes as CSV too, whole', async () => {
    const { body, headers } = await merchant.call<string>('GET', '/v1/reconciliation-breaks?format=csv');
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const lines: Record<string, string>[] = parse(body, { columns: true });
    expect(lines.map((it) => [it.class, it.reference, it.oursAmount, it.theirsAmount]).sort()).toEqual([
      ['missing_ours', 'PAYMENT a', '', '1'],
      ['missing_ours', 'PAYMENT b', '', '2'],
      ['missing_ours', 'REFUND c', '', '-3'],
    ]);
    const none = await merchant.call<string>('GET', '/v1/reconciliation-breaks?format=csv&class=late');
    expect(none.body.trim().split('\r\n')).toHaveLength(1);
  });

  it('lets an operator resolve one, once', async () => {
    const { body } = await merchant.call<Page>('GET', '/v1/reconciliation-breaks');
    const id = body.items[0]?.breakId ?? '';
    const path = `/v1/reconciliation-breaks/${id}/resolve`;
    const words = { resolver: 'operator-7', reason: '=the shop typed it twice' };
    expect((await merchant.call('POST', path, words)).status).toBe(403);
    expect((await admin('POST', path, { ...words, resolver: 'reconciliation' })).status).toBe(400);
    const done = await admin('POST', path, words);
    expect(done).toMatchObject({ status: 200, body: { breakId: id, ...words } });
    const again = await admin('POST', path, words);
    expect(again.body).toEqual(done.body);
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect((await admin('POST', path, { ...words, reason: 'another' })).status).toBe(409);
    expect((await admin('POST', '/v1/reconciliation-breaks/brk_none/resolve', words)).status).toBe(404);
    const resolved = `/v1/reconciliation-breaks?format=csv&open=false&merchantId=${merchant.merchantId}`;
    expect((await admin<string>('GET', resolved)).body).toContain("'=the shop typed it twice");
  });

  it('is compared by npm run reconcile as well', { timeout: 120_000 }, async () => {
    const run = (...args: string[]) =>
      promisify(execFile)(process.execPath, [compiled('api/reconciliation/reconcile-main.ts'), ...args], {
        env: {
          ...process.env,
          TEMPORAL_ADDRESS: inject('temporalAddress'),
          KESSAI_TASK_QUEUE: stack.taskQueue,
        },
      }).catch((error: unknown) => error as { code: number; stdout: string; stderr: string });
    const own = await givenMerchant(stack);
    await put(own, ['a,PAYMENT,1,JPY', 'b,PAYMENT,2,JPY']);
    await until('two breaks', async () => (await openBreaks(stack.pool, own.merchantId)).length === 2);
    const done = await run('--date', DAY, '--merchant', own.merchantId);
    expect(done.stdout).toMatch(/^ +2 {2}missing_ours$/m);
    expect(done.stdout).toContain('1 days of 1 merchants compared, 0 breaks opened, 0 resolved.');
    expect(await run('--date', '2025-02-30')).toMatchObject({ code: 1 });
    expect(await run()).toMatchObject({ code: 1, stderr: expect.stringContaining('Usage') as string });
  });

  it('is as documented', async () => {
    const faultsOf = answerChecker(await readOpenApi(stack.baseUrl));
    const list = 'GET /v1/reconciliation-breaks';
    expect(faultsOf(list, await merchant.call('GET', '/v1/reconciliation-breaks'))).toEqual([]);
    expect(faultsOf(list, await merchant.call('GET', '/v1/reconciliation-breaks?format=csv'))).toEqual([]);
    const file = 'PUT /v1/reconciliation-files/{date}';
    expect(faultsOf(file, await put(merchant, ['a,PAYMENT,1,JPY']))).toEqual([]);
    expect(faultsOf(file, await put(merchant, ['a,PAYMENT,1,JPY']))).toEqual([]);
    expect(faultsOf(file, await put(merchant, ['a']))).toEqual([]);
    expect(await undocumentedAnswers(stack.baseUrl)).toEqual([]);
  });
});

describe("a merchant's view of breaks", () => {
  it('names no person, repeats no words of theirs, and shows no key of an operation', async () => {
    const merchant = await givenMerchant(stack);
    const { paymentId, merchantPaymentId } = await (
      await testBooks(stack.pool, merchant.merchantId)
    ).pay(NOON, 500);
    const key = `payment:${merchant.merchantId}:${merchantPaymentId}:authorise`;
    await stack.pool.query(
      `insert into reconciliation_break (break_id, class, counterpart, merchant_id, day, reference, payment_id, detail, opened_at,
                                         resolved_at, resolver, resolution, before)
       values ('brk_a' || $1, 'unknown_outcome', 'ISSUER', $1, $2, $3, $4, 'AUTHORISE of ' || $3, now(), now(), 'mei', 'asked Ken', null),
              ('brk_b' || $1, 'late', 'MERCHANT_FILE', $1, $2, 'PAYMENT x', $4, 'ours', now(), null, null, null, 'resolved by mei: Ken')`,
      [merchant.merchantId, DAY, key, paymentId],
    );
    const path = '/v1/reconciliation-breaks';
    const seen = await merchant.call<Page>('GET', path);
    expect(seen.body.items).toHaveLength(2);
    expect(seen.body.items).toContainEqual(
      expect.objectContaining({
        reference: `PAYMENT ${merchantPaymentId}`,
        resolver: 'kessai',
        reason: null,
      }),
    );
    const csv = await merchant.call<string>('GET', `${path}?format=csv`);
    for (const text of [JSON.stringify(seen.body), csv.body]) {
      for (const secret of ['mei', 'Ken', ':authorise']) expect(text).not.toContain(secret);
    }
    const all = JSON.stringify((await admin<Page>('GET', `${path}?merchantId=${merchant.merchantId}`)).body);
    for (const known of ['mei', 'Ken', ':authorise']) expect(all).toContain(known);
  });
});
