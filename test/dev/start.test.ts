import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DevStack } from '../../dev/seed.ts';
import { isPortFree } from '../../dev/servers/ports.ts';
import { isAlive } from '../../dev/servers/processes.ts';
import { makeClone, recordedServers, type Clone, type Run } from '../support/clone.ts';

const READY = 'Ctrl-C stops everything';
const PARTS = ['API', 'Postgres', 'Temporal', 'issuer', 'issuer worker', 'parking', 'worker'];
/** Two starts of the whole stack, each a few seconds on two cores that are busy with other tests. */
const TIMEOUT_MS = 120_000;

let clone: Clone;

beforeAll(async () => {
  clone = await makeClone();
});
afterAll(async () => {
  await clone.remove();
});

async function devStack(): Promise<DevStack> {
  return JSON.parse(await readFile(join(clone.folder, '.kessai', 'dev.json'), 'utf8')) as DevStack;
}

async function post(path: string, key: string | undefined, body: object): Promise<Record<string, unknown>> {
  const { baseUrl } = await devStack();
  const response = await fetch(baseUrl + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key ?? ''}` },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Record<string, unknown>;
}

async function pay(
  merchantPaymentId: string,
  amount: number,
  fundingSource = 'BALANCE',
): Promise<Record<string, unknown>> {
  const { keys, users, storeId, terminalId } = await devStack();
  const { code } = await post('/v1/codes', users[0]?.deviceToken, { fundingSource });
  const order = { merchantPaymentId, code, amount, currency: 'JPY', storeId, terminalId };
  return post('/v1/payments', keys.merchant, order);
}

async function get(
  path: string,
  key = '',
): Promise<{ status: number; body: { status?: string; state?: string } }> {
  const { baseUrl } = await devStack();
  const answer = await fetch(baseUrl + path, { headers: { authorization: `Bearer ${key}` } });
  return { status: answer.status, body: (await answer.json()) as object };
}

async function payment(merchantPaymentId: string): Promise<{ status?: string }> {
  const { keys } = await devStack();
  return (await get(`/v1/payments/${merchantPaymentId}`, keys.merchant)).body;
}

/** A car that its server has told us of, a fee that it has told us, and a flap that it opens for our signed word. */
async function expectStayPaidAndReleased(): Promise<void> {
  const { partners, users, keys } = await devStack();
  const entry = { placeId: 'central-1', space: '3' };
  const entered = await fetch(`${partners.parking ?? ''}/control/entries`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${partners.parkingAdminKey ?? ''}`,
    },
    body: JSON.stringify(entry),
  });
  const { sessionId } = (await entered.json()) as { sessionId: string };
  await until(async () => (await get(`/v1/parking/sessions/${sessionId}`, keys.parking)).status === 200);
  const driver = users[0]?.deviceToken;
  const quote = await post('/v1/parking/quotes', driver, entry);
  expect(quote).toMatchObject({ feeSource: 'OPERATOR', amount: 300, sessionId });
  const order = { settlementId: 'first-stay', quoteId: quote.quoteId };
  expect(await post('/v1/parking/settlements', driver, order)).toMatchObject({ state: 'PAID' });
  await until(async () => {
    const { body } = await get('/v1/parking/settlements/first-stay', driver);
    return body.state === 'RELEASED';
  });
}

async function start(): Promise<Run> {
  const run = await clone.run('dev/start.ts', { until: READY });
  expect(run.output()).toContain(READY);
  return run;
}

async function expectEverythingStopped(pids: readonly number[]): Promise<void> {
  expect(pids.filter((pid) => isAlive(pid))).toEqual([]);
  for (const port of Object.values(clone.ports) as string[])
    expect(await isPortFree(Number(port))).toBe(true);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(100);
}

describe('npm start', () => {
  test(
    'leaves a system that takes payments, restarts a killed worker, and refuses a second start',
    async () => {
      const run = await start();
      expect((await stat(join(clone.folder, '.kessai', 'dev.json'))).mode & 0o777).toBe(0o600);
      expect((await stat(join(clone.folder, '.kessai', 'secrets.json'))).mode & 0o777).toBe(0o600);
      expect(await pay('first', 500)).toMatchObject({ status: 'COMPLETED', amount: 500 });

      expect(await pay('on-credit', 900, 'PAY_LATER')).toMatchObject({ fundingSource: 'PAY_LATER' });
      await until(async () => (await payment('on-credit')).status === 'COMPLETED');

      const { partners } = await devStack();
      const picture = await fetch(`${partners.parking ?? ''}/`);
      expect(await picture.text()).toContain('Central Parking 1');
      await expectStayPaidAndReleased();

      const second = await clone.run('dev/start.ts');
      expect(second.process.exitCode).toBe(1);
      expect(second.output()).toContain('already runs from this folder');
      const reset = await clone.run('dev/reset.ts');
      expect(reset.process.exitCode).toBe(1);
      expect(reset.output()).toContain('stop it with Ctrl-C first');

      const before = await recordedServers(clone);
      expect(before.map(({ name }) => name).sort()).toEqual(PARTS);
      const worker = before.find(({ name }) => name === 'worker');
      process.kill(worker?.pid ?? 0, 'SIGKILL');
      await until(() => Promise.resolve(run.output().includes('the worker is back')));
      expect(await pay('after-the-crash', 700)).toMatchObject({ status: 'COMPLETED' });
      await run.end('SIGKILL');
    },
    TIMEOUT_MS,
  );

  test(
    'after kill -9 of itself and of its databases, the next start ends what was left running, has the same data, keys and histories, and stops all on Ctrl-C',
    async () => {
      const left = await recordedServers(clone);
      const namesOf = (servers: typeof left): string[] => servers.map(({ name }) => name).sort();
      expect(namesOf(left.filter(({ pid }) => isAlive(pid)))).toEqual(PARTS);
      const databases = left.filter(({ name }) => ['Postgres', 'Temporal'].includes(name));
      expect(databases).toHaveLength(2);
      for (const { pid } of databases) process.kill(-pid, 'SIGKILL');
      const keysBefore = (await devStack()).keys;

      const run = await start();
      expect(run.output()).toContain('ended what a killed start had left running');
      expect(left.filter(({ pid }) => isAlive(pid))).toEqual([]);
      const { keys, temporal } = await devStack();
      expect(keys).toEqual(keysBefore);
      expect(await payment('first')).toMatchObject({ status: 'COMPLETED', amount: 500 });
      expect(await payment('after-the-crash')).toMatchObject({ status: 'COMPLETED', amount: 700 });
      const connection = await Connection.connect({ address: temporal.address });
      const histories = await new Client({ connection }).workflow.count(`ExecutionStatus = 'Completed'`);
      await connection.close();
      expect(histories.count).toBeGreaterThanOrEqual(2);
      expect(await pay('after-the-kill', 400)).toMatchObject({ status: 'COMPLETED' });

      const servers = await recordedServers(clone);
      expect(await run.end('SIGINT')).toBe(130);
      await expectEverythingStopped(servers.map(({ pid }) => pid));
    },
    TIMEOUT_MS,
  );

  test('a port in use is one sentence that names the port and the variable, and nothing is started', async () => {
    const other = createServer().listen(Number(clone.ports.KESSAI_UI_PORT), '127.0.0.1');
    await once(other, 'listening');
    try {
      const run = await clone.run('dev/start.ts');
      expect(run.process.exitCode).toBe(1);
      expect(run.output().trim()).toBe(
        `Port ${clone.ports.KESSAI_UI_PORT}, wanted for Temporal Web UI, is in use: stop what listens there, or choose another one with KESSAI_UI_PORT=NUMBER.`,
      );
    } finally {
      other.close();
    }
  });

  test('a broken data folder is one sentence with the way out, and dev:reset is the way out', async () => {
    await writeFile(join(clone.folder, '.kessai', 'postgres', 'PG_VERSION'), 'none');
    const run = await clone.run('dev/start.ts');
    expect(run.process.exitCode).toBe(1);
    expect(run.output()).toMatch(/data folder .* cannot be used: it says version "none".*npm run dev:reset/);

    const reset = await clone.run('dev/reset.ts');
    expect(reset.process.exitCode).toBe(0);
    await expect(stat(join(clone.folder, '.kessai'))).rejects.toThrow('ENOENT');
  });

  test('a DATABASE_URL that leads nowhere is one sentence', async () => {
    const run = await clone.run('dev/start.ts', {
      env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
    });
    expect(run.process.exitCode).toBe(1);
    expect(run.output()).toContain('The Postgres of DATABASE_URL cannot be used');
  });
});
