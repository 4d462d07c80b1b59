import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { migrate } from '../db/migrate.ts';
import { createPool, type Pool } from '../db/pool.ts';
import type { Report } from '../dev/report.ts';
import { releaseLock, takeLock } from '../dev/servers/lock-file.ts';
import { freePort } from '../dev/servers/ports.ts';
import { removeDataDir } from '../dev/servers/postgres-account.ts';
import { startPostgres } from '../dev/servers/postgres.ts';
import { endLeftBehind, ServerRegistry } from '../dev/servers/registry.ts';
import { startTemporal } from '../dev/servers/temporal.ts';
import { SetupProblem } from '../dev/setup-problem.ts';
import { paths as startPaths } from '../dev/stack/folders.ts';
import { createLifecycle, type Lifecycle } from '../dev/stack/lifecycle.ts';
import { ownDatabaseUrl, ownTemporalAddress } from '../dev/stack/servers.ts';
import { startService } from '../dev/stack/service.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.ts';

const TILL_WORKER_MS = 60_000;

const folder = join(startPaths.state, 'bench');
const lock = join(startPaths.state, 'bench.lock');
const dataDir = join(folder, 'postgres');

/** Its own queue, so that a bench against a server in use takes no work of others. */
export const BENCH_TASK_QUEUE = `kessai-bench-${randomBytes(4).toString('hex')}`;

/** What payments are compared with: its worker knows nothing else. */
export const COMPARED_TASK_QUEUE = `${BENCH_TASK_QUEUE}-compared`;

type ConnectionOptions = ReturnType<typeof loadClientConnectConfig>['connectionOptions'];

export interface Database {
  readonly url: string;
  readonly isOwn: boolean;
}

export interface Workflows {
  readonly client: Client;
  readonly isOwn: boolean;
  readonly connectionOptions: ConnectionOptions;
  readonly env: NodeJS.ProcessEnv;
}

async function deleteFolder(): Promise<void> {
  await removeDataDir(dataDir);
  await rm(folder, { recursive: true, force: true });
}

/**
 * Takes the bench's folder, ends and deletes what a killed bench left in it, and makes sure that whatever happens, Ctrl-C
 * too, nothing of this run stays behind.
 */
export async function openStage(report: Report): Promise<Lifecycle> {
  await mkdir(startPaths.state, { recursive: true, mode: 0o755 });
  const { heldBy } = await takeLock(lock);
  if (heldBy !== undefined)
    throw new SetupProblem(`A bench already runs from this folder (process ${heldBy}): wait for its end.`);
  const servers = join(folder, 'servers.json');
  await endLeftBehind(servers);
  await deleteFolder();
  await mkdir(folder, { recursive: true, mode: 0o755 });
  return createLifecycle(report, new ServerRegistry(servers), async () => {
    await deleteFolder();
    await releaseLock(lock);
  });
}

/** The Postgres of DATABASE_URL, else one of our own with the durable settings of `npm start`; migrated. */
export async function openDatabase(lifecycle: Lifecycle, report: Report): Promise<Database> {
  const external = ownDatabaseUrl();
  let url = external;
  if (url === undefined) {
    const logFile = join(folder, 'postgres.log');
    const server = await report.step('Postgres', async () =>
      startPostgres({
        dataDir,
        port: await freePort(),
        logFile,
        report,
        onSpawn: (child) => {
          lifecycle.adopt('Postgres', child);
        },
      }),
    );
    lifecycle.onStop('Postgres', () => server.stop());
    url = server.url;
  }
  await migrate(url);
  return { url, isOwn: external === undefined };
}

/** A pool that ends before its server does. */
export function poolOf(database: Database, max: number): Pool {
  return createPool(database.url, { name: 'kessai-bench', max });
}

/** The Temporal of TEMPORAL_ADDRESS, else a dev server with the flags of `npm start`. */
export async function openWorkflows(
  lifecycle: Lifecycle,
  report: Report,
  isInMemory: boolean,
): Promise<Workflows> {
  if (ownTemporalAddress() !== undefined) {
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
    const connection = await Connection.connect(connectionOptions);
    return { client: new Client({ connection, namespace }), isOwn: false, connectionOptions, env: {} };
  }
  const server = await report.step('Temporal', async () =>
    startTemporal({
      ...(isInMemory ? {} : { dbFile: join(folder, 'temporal.db') }),
      port: await freePort(),
      logFile: join(folder, 'temporal.log'),
      searchAttributes: SEARCH_ATTRIBUTES,
      report,
      onSpawn: (child) => {
        lifecycle.adopt('Temporal', child);
      },
    }),
  );
  lifecycle.onStop('Temporal', () => server.stop());
  const connection = await Connection.connect({ address: server.address });
  // A profile in the user's own Temporal configuration must not reach the local server.
  const configFile = join(folder, 'temporal.toml');
  await writeFile(configFile, '[profile.default]\n');
  const foreign = Object.keys(process.env).filter((name) => name.startsWith('TEMPORAL_'));
  return {
    client: new Client({ connection, namespace: server.namespace }),
    isOwn: true,
    connectionOptions: { address: server.address },
    env: {
      ...Object.fromEntries(foreign.map((name) => [name, undefined])),
      TEMPORAL_ADDRESS: server.address,
      TEMPORAL_NAMESPACE: server.namespace,
      TEMPORAL_CONFIG_FILE: configFile,
    },
  };
}

/**
 * Worker and API in processes of their own, as `npm start` has them, and a worker for what they are compared with; answers
 * with the API's address.
 */
export async function startPrograms(
  lifecycle: Lifecycle,
  report: Report,
  env: NodeJS.ProcessEnv,
  onSpawn: (name: string, pid: number) => void = () => undefined,
): Promise<string> {
  const ports = { 'bench worker': await freePort(), worker: await freePort(), API: await freePort() };
  const shared = {
    ...process.env,
    ...env,
    HOST: '127.0.0.1',
    PORT: String(ports.API),
    LOG_LEVEL: 'info',
  };
  for (const [name, entry] of [
    ['bench worker', 'bench/worker-main.ts'],
    ['worker', 'workers/main.ts'],
    ['API', 'workers/api-main.ts'],
  ] as const) {
    const service = await report.step(name, () =>
      startService({
        name,
        entry,
        env: {
          ...shared,
          KESSAI_TASK_QUEUE: name === 'bench worker' ? COMPARED_TASK_QUEUE : BENCH_TASK_QUEUE,
          WORKER_METRICS_PORT: String(ports[name]),
        },
        logFile: join(folder, `${name.toLowerCase()}.log`),
        readyUrl: `http://127.0.0.1:${ports[name]}/readyz`,
        report,
        onSpawn: (child) => {
          lifecycle.adopt(name, child);
          if (child.pid !== undefined) onSpawn(name, child.pid);
        },
        onGiveUp: (problem) => {
          void lifecycle.shutDown(1, problem.message);
        },
      }),
    );
    lifecycle.onStop(name, () => service.stop());
  }
  const baseUrl = `http://127.0.0.1:${ports.API}`;
  await report.step('payments in the API', () => untilEager(baseUrl));
  return baseUrl;
}

/** The API serves before its own worker for payments runs; what is measured is what it does for the rest of its life. */
async function untilEager(baseUrl: string): Promise<void> {
  const deadlineMs = Date.now() + TILL_WORKER_MS;
  while (Date.now() < deadlineMs) {
    const metrics = await (await fetch(`${baseUrl}/metrics`)).text();
    if (/^kessai_till_worker_running 1$/m.test(metrics)) return;
    await delay(100);
  }
  throw new SetupProblem('The API has no worker for payments: see its log.');
}
