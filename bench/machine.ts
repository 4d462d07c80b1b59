import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import type { Client } from '@temporalio/client';
import { firstRow, type Pool } from '../db/pool.ts';

/** What figures depend on, printed and kept with them. */
export type SetUp = Readonly<Record<string, string>>;

const DURABILITY = ['fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', 'shared_buffers'];

function sdkVersion(): string {
  const file = new URL('../node_modules/@temporalio/client/package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

export function describeMachine(): SetUp {
  const [cpu] = cpus();
  return {
    cpu: `${availableParallelism()} x ${cpu?.model.trim() ?? 'unknown'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    'load before': loadavg()
      .map((load) => load.toFixed(1))
      .join(' '),
    node: process.version,
  };
}

export async function describePostgres(pool: Pool, isOwn: boolean): Promise<SetUp> {
  const version = await firstRow<{ server_version: string }>(pool, {
    name: 'bench_version',
    text: 'show server_version',
  });
  const settings: string[] = [];
  for (const name of DURABILITY) {
    const row = await firstRow<{ value: string }>(
      pool,
      { name: 'bench_setting', text: 'select current_setting($1) as value' },
      [name],
    );
    settings.push(`${name}=${row?.value ?? '?'}`);
  }
  const whose = isOwn ? 'own, durable settings of npm start' : 'of DATABASE_URL';
  return { postgres: `${version?.server_version ?? '?'} (${whose}): ${settings.join(' ')}` };
}

export async function describeTemporal(client: Client, isOwn: boolean, isInMemory: boolean): Promise<SetUp> {
  const info = await client.workflowService.getSystemInfo({});
  const place = isInMemory ? 'in memory' : 'file-backed (WAL, synchronous=1)';
  const whose = isOwn
    ? `own dev server, one shard, ${place}, flags of npm start: one partition a queue, processors poll up to 2000 times a second`
    : 'of TEMPORAL_ADDRESS';
  return { temporal: `${info.serverVersion} (${whose})`, sdk: sdkVersion() };
}
