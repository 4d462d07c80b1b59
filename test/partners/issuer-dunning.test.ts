import { randomBytes } from 'node:crypto';
import { Client } from '@temporalio/client';
import { NativeConnection, type Worker } from '@temporalio/worker';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { DebtView } from '../../domain/dunning/debt.ts';
import type { ImportReport } from '../../partners/issuer/bank-debit.ts';
import type { ScanResult } from '../../partners/issuer/dunning-workflows.ts';
import {
  createIssuerWorker,
  ensureScanSchedule,
  scanScheduleId,
  watchRepayments,
} from '../../partners/issuer/dunning-worker.ts';
import { createKessai, type Kessai } from '../../partners/issuer/kessai.ts';
import type { Statement } from '../../partners/issuer/statements.ts';
import { createPool, type Pool } from '../../partners/shared/database.ts';
import { apiClient, type ApiCall } from '../support/client.ts';
import { expectStatus, givenPayer, uniqueId } from '../support/givens.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let issuer: TestIssuer;
let issuerId: string;
let secret: string;
/** With the issuer's key at Kessai. */
let call: ApiCall;
let pool: Pool;
let connection: NativeConnection;
let worker: Worker;
let running: Promise<void>;
let stopWatching: () => Promise<void>;
let temporal: Client;
const taskQueue = `issuer-${randomBytes(6).toString('hex')}`;
/** The next calls to Kessai that get no answer, after it has done what was asked. */
let answersToLose = 0;

beforeAll(async () => {
  stack = await startStack();
  issuer = await startIssuer(stack.databaseUrl);
  issuerId = uniqueId('i');
  const admin = apiClient(stack.baseUrl, stack.adminKey);
  const body = { name: 'Test Credit', baseUrl: issuer.baseUrl, timeZone: 'Asia/Tokyo' };
  expectStatus(await admin('PUT', `/v1/issuers/${issuerId}`, body), 200);
  const made = await admin<{ secret: string }>('POST', `/v1/issuers/${issuerId}/signing-secret`);
  secret = made.body.secret;
  await issuer.trust(secret);
  const key = { role: 'issuer', tenantId: issuerId, name: 'dunning' };
  const { body: given } = await admin<{ key: string }>('POST', '/v1/keys', key);
  call = apiClient(stack.baseUrl, given.key);
  pool = createPool(stack.databaseUrl, 'test-issuer-worker');
  connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  temporal = new Client({ connection });
  const options = {
    pool,
    kessai: forgetful(createKessai({ baseUrl: stack.baseUrl, apiKey: given.key })),
    timeZone: 'Asia/Tokyo',
    connection,
    namespace: 'default',
    taskQueue,
    onError: () => undefined,
  };
  worker = await createIssuerWorker(options);
  running = worker.run();
  await ensureScanSchedule(options);
  await ensureScanSchedule(options);
  stopWatching = watchRepayments(options);
}, 120_000);
afterAll(async () => {
  await temporal.schedule.getHandle(scanScheduleId(taskQueue)).delete();
  await stopWatching();
  worker.shutdown();
  await running;
  await pool.end();
  await issuer.close();
  await stack.stop();
  await connection.close();
});

function forgetful(kessai: Kessai): Kessai {
  const lose = <T>(answer: T): T => {
    if (answersToLose === 0) return answer;
    answersToLose -= 1;
    throw new Error('the answer was lost');
  };
  return {
    registerBatch: async (items) => lose(await kessai.registerBatch(items)),
    tellRepayment: async (it) => lose(await kessai.tellRepayment(it)),
  };
}

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

async function givenStatement(
  it: { userId?: string; amount?: number; dueOn?: string; month?: string } = {},
): Promise<string> {
  const statementId = uniqueId('s');
  const userId = it.userId ?? (await givenPayer(stack)).userId;
  const body = {
    userId,
    month: it.month ?? '2026-10',
    amount: it.amount ?? 3_000,
    dueOn: it.dueOn ?? inDays(-3),
  };
  expectStatus(await issuer.admin('PUT', `/v1/statements/${statementId}`, body), 200);
  return statementId;
}

async function statement(statementId: string): Promise<Statement> {
  return (await issuer.admin<Statement>('GET', `/v1/statements/${statementId}`)).body;
}

const debt = (debtId: string) => call<DebtView>('GET', `/v1/debts/${debtId}`);

function scan(): Promise<ScanResult> {
  return temporal.workflow.execute<() => Promise<ScanResult>>('dailyScan', {
    workflowId: uniqueId('scan'),
    taskQueue,
  });
}

const HEADER = 'debitId,statementId,amount,currency,debitedOn,result';

async function importCsv(...lines: string[]): Promise<{ status: number; body: ImportReport }> {
  const answer = await fetch(`${issuer.baseUrl}/v1/bank-debits`, {
    method: 'POST',
    headers: { authorization: `Bearer ${issuer.adminKey}`, 'content-type': 'text/csv' },
    body: [HEADER, ...lines].join('\r\n'),
  });
  return { status: answer.status, body: (await answer.json()) as ImportReport };
}

describe('results of bank debits', () => {
  it('with faults: every one is told, by line and column, and nothing is written', async () => {
    const good = await givenStatement();
    const id = uniqueId('b');
    const refused = await importCsv(
      `${id},${good},3000,JPY,2026-11-01,PAID`,
      `${id},${good},3000,JPY,2026-11-01,PAID`,
      'bad id,none,-5,yen,2026-13-01,paid',
      'too,few',
      `${uniqueId('b')},${good},1.5,JPY,2026-11-01,`,
    );
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({ status: 'REFUSED', rows: 5 });
    const faults = refused.body.status === 'REFUSED' ? refused.body.faults : [];
    expect(faults.map((it) => `${it.line} ${it.column}`)).toEqual([
      '3 debitId',
      '4 debitId',
      '4 amount',
      '4 currency',
      '4 debitedOn',
      '4 result',
      '5 ',
      '6 amount',
      '6 result',
    ]);
    const unknown = await importCsv(
      `${id},${good},3000,JPY,2026-11-01,PAID`,
      `${uniqueId('b')},${uniqueId('s')},1,JPY,2026-11-01,PAID`,
      `${uniqueId('b')},${good},1,USD,2026-11-01,PAID`,
    );
    expect(unknown.body).toMatchObject({
      faults: [
        { line: 3, column: 'statementId', detail: 'STATEMENT_UNKNOWN' },
        { line: 4, column: 'currency', detail: 'CURRENCY_MISMATCH' },
      ],
    });
    expect((await importCsv('x')).status).toBe(422);
    expect((await statement(good)).paid).toBe(0);
  });

  it('are booked once, however often and in whichever file they come', async () => {
    const [one, two] = [await givenStatement(), await givenStatement()];
    const [a, b] = [uniqueId('b'), uniqueId('b')];
    const lines = [`${a},${one},3000,JPY,2026-11-01,PAID`, `${b},${two},3000,JPY,2026-11-01,NO_FUNDS`];
    const answers = await Promise.all([importCsv(...lines), importCsv(...lines)]);
    expect(answers.map((it) => it.status)).toEqual([200, 200]);
    const third = await importCsv(lines[0] ?? '', `${uniqueId('b')},${two},1000,JPY,2026-11-02,PAID`);
    expect(third.body).toEqual({ status: 'BOOKED', rows: 2, paid: 1, failed: 0, known: 1 });
    expect([(await statement(one)).paid, (await statement(two)).paid]).toEqual([3_000, 1_000]);
    const other = await importCsv(`${a},${one},2999,JPY,2026-11-01,PAID`);
    expect(other.body).toMatchObject({ faults: [{ line: 2, column: 'debitId' }] });
    expect((await issuer.books()).breaks).toEqual([]);
  });
});

describe('the daily scan', () => {
  it('is scheduled at nine of its zone, once', async () => {
    const { spec } = await temporal.schedule.getHandle(scanScheduleId(taskQueue)).describe();
    expect(spec.calendars).toHaveLength(1);
    expect(spec.calendars?.[0]?.hour).toEqual([{ start: 9, end: 9, step: 1 }]);
    expect(spec.timezone).toBe('Asia/Tokyo');
  });

  it('picks who has not paid, registers them by the API, and does it once', async () => {
    const unpaid = await givenStatement();
    const notYetDue = await givenStatement({ dueOn: inDays(3) });
    const paid = await givenStatement();
    await importCsv(`${uniqueId('b')},${paid},3000,JPY,2026-11-01,PAID`);
    expect((await scan()).picked).toBeGreaterThanOrEqual(1);
    expect((await debt(unpaid)).body).toMatchObject({ amount: 3_000, revision: 1 });
    expect((await debt(notYetDue)).status).toBe(404);
    expect((await debt(paid)).status).toBe(404);
    expect((await statement(unpaid)).registeredRevision).toBe(1);
    expect(await scan()).toEqual({ picked: 0, sent: 0, refused: 0, told: 0 });
  });

  it('goes in batches of a thousand, keeps why one is refused, and tries it again the next day', async () => {
    await pool.query(
      `insert into issuer.statement (statement_id, user_id, month, amount, currency, due_on)
       select 'nobody-' || n, 'nobody-' || n, '2026-10', 100, 'JPY', '2026-11-01' from generate_series(1, 1005) n`,
    );
    const known = await givenStatement();
    expect(await scan()).toMatchObject({ picked: 1_006, sent: 1_006, refused: 1_005 });
    expect(await statement('nobody-7')).toMatchObject({
      registeredRevision: null,
      registerCode: 'NOT_FOUND',
    });
    expect((await statement(known)).registeredRevision).toBe(1);
    expect(await scan()).toMatchObject({ picked: 0, sent: 1_005, refused: 1_005 });
    await pool.query(`delete from issuer.statement where statement_id like 'nobody-%'`);
  }, 120_000);

  it('that loses the answer to a batch sends it again: one campaign, by the same revision', async () => {
    const statementId = await givenStatement();
    answersToLose = 2;
    const done = await scan();
    expect(done).toMatchObject({ sent: 1, refused: 0 });
    expect((await debt(statementId)).body).toMatchObject({ revision: 1 });
    const log = await stack.pool.query('select 1 from debt_log where debt_id = $1 and kind = $2', [
      statementId,
      'CREATED',
    ]);
    expect(log.rowCount).toBe(1);
  });

  it('amends what has changed, by the next revision', async () => {
    const statementId = await givenStatement();
    await scan();
    const { userId, dueOn } = await statement(statementId);
    const body = { userId, month: '2026-10', amount: 2_500, dueOn };
    expectStatus(await issuer.admin('PUT', `/v1/statements/${statementId}`, body), 200);
    await scan();
    expect((await debt(statementId)).body).toMatchObject({ amount: 2_500, revision: 2 });
  });
});

describe('what is paid by other ways', () => {
  it('is told to Kessai until it takes it, once; debt.closed comes back', async () => {
    const statementId = await givenStatement();
    await importCsv(`${uniqueId('b')},${statementId},1000,JPY,2026-11-01,PAID`);
    await scan();
    await until('the part', async () => (await debt(statementId)).body.remainingAmount === 2_000);
    answersToLose = 2;
    await importCsv(`${uniqueId('b')},${statementId},2000,JPY,2026-11-02,PAID`);
    const closed = await until(
      'the end',
      async () => {
        const it = await statement(statementId);
        return it.campaignOutcome === null ? undefined : it;
      },
      60_000,
    );
    expect(closed.campaignOutcome).toBe('SETTLED');
    expect((await debt(statementId)).body).toMatchObject({ state: 'SETTLED', remainingAmount: 0 });
    const booked = await stack.pool.query('select 1 from repayment where debt_id = $1', [statementId]);
    expect(booked.rowCount).toBe(2);
  }, 90_000);

  it('of users who are not reminded is not told: Kessai need not know', async () => {
    const statementId = await givenStatement({ dueOn: inDays(3) });
    await importCsv(`${uniqueId('b')},${statementId},3000,JPY,2026-11-01,PAID`);
    await scan();
    expect((await debt(statementId)).status).toBe(404);
    const told = await stack.pool.query('select 1 from repayment where debt_id = $1', [statementId]);
    expect(told.rowCount).toBe(0);
  });
});

describe('debt.closed', () => {
  function post(body: object, it: { id: string; secret?: string }): Promise<Response> {
    const text = JSON.stringify(body);
    const at = new Date();
    return fetch(`${issuer.baseUrl}/v1/debt-events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': it.id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': new Webhook(it.secret ?? secret).sign(it.id, at, text),
      },
      body: text,
    });
  }

  it('is taken once, and the first end stays', async () => {
    const debtId = await givenStatement();
    const body = { debtId, outcome: 'WITHDRAWN', closedAt: '2026-11-20T00:00:00Z' };
    const id = uniqueId('evt');
    for (let i = 0; i < 3; i += 1) expect((await post(body, { id })).status).toBe(200);
    await post({ ...body, outcome: 'EXHAUSTED' }, { id: uniqueId('evt') });
    expect((await statement(debtId)).campaignOutcome).toBe('WITHDRAWN');
    const kept = await pool.query('select 1 from issuer.debt_event where event_id = $1', [id]);
    expect(kept.rowCount).toBe(1);
  });

  it('is not debt.no_signal, which tells that nobody can be reached', async () => {
    const debtId = await givenStatement();
    const body = { debtId, noSignal: true, state: 'CONTACTED', remainingAmount: 3_000 };
    const id = uniqueId('evt');
    for (let i = 0; i < 2; i += 1) expect((await post(body, { id })).status).toBe(200);
    const told = await statement(debtId);
    expect(told.campaignOutcome).toBeNull();
    expect(Date.parse(told.noSignalAt ?? '')).toBeGreaterThan(0);
  });

  it('that nobody signed, or that is none, is refused', async () => {
    const debtId = await givenStatement();
    const body = { debtId, outcome: 'SETTLED', closedAt: '2026-11-20T00:00:00Z' };
    const stranger = `whsec_${randomBytes(32).toString('base64')}`;
    expect((await post(body, { id: uniqueId('evt'), secret: stranger })).status).toBe(401);
    expect((await post({ debtId }, { id: uniqueId('evt') })).status).toBe(400);
    expect((await statement(debtId)).campaignOutcome).toBeNull();
  });
});
