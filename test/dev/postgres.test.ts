import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentReport } from '../../dev/report.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { removeDataDir } from '../../dev/servers/postgres-account.ts';
import { startPostgres, type RunningPostgres } from '../../dev/servers/postgres.ts';

let folder: string;
let dataDir: string;

// A folder closed to others, as a clone under a root home is: when we are root, the user that runs Postgres
// cannot reach it and the data has to lie elsewhere.
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kessai-postgres-'));
  dataDir = join(folder, 'postgres');
});
afterEach(async () => {
  await removeDataDir(dataDir);
  await rm(folder, { recursive: true, force: true });
});

/** As `npm start` does it: durable, unlike the fast servers of tests. */
async function start(): Promise<RunningPostgres> {
  const port = await freePort();
  return startPostgres({
    dataDir,
    port,
    logFile: join(folder, 'postgres.log'),
    report: silentReport,
  });
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

test('data in a closed folder survives a restart, a kill -9 and a stale lock file; one server at a time', async () => {
  const first = await start();
  await query(first.url, 'create table kept as select 1 as n');
  await expect(start()).rejects.toThrow(/Postgres already runs on .* stop the other "npm start" first/);
  first.process.kill('SIGKILL');

  const second = await start();
  expect(await query(second.url, 'select n from kept')).toEqual([{ n: 1 }]);
  await second.stop();

  // The process number in the lock file belongs to another process by now: to us.
  const lock = `${process.pid}\n${dataDir}\n1\n1\n\n127.0.0.1\n\nready\n`;
  await writeFile(join(dataDir, 'postmaster.pid'), lock);
  const third = await start();
  expect(await query(third.url, 'select n from kept')).toEqual([{ n: 1 }]);
  await third.stop();
});

test('nobody gets in without the password, which only its owner can read', async () => {
  const server = await start();
  try {
    expect((await stat(`${dataDir}.password`)).mode & 0o777).toBe(0o600);
    const url = new URL(server.url);
    expect(url.password).toBe(await readFile(`${dataDir}.password`, 'utf8'));
    url.password = 'guess';
    await expect(query(url.href, 'select 1')).rejects.toThrow('password authentication failed');
  } finally {
    await server.stop();
  }
});
