import { migrate } from '../db/migrate.ts';
import { createReport } from './report.ts';
import { seed } from './seed.ts';
import { takeLock, releaseLock } from './servers/lock-file.ts';
import { portFromEnvironment, requireFreePorts, type WantedPort } from './servers/ports.ts';
import { endLeftBehind, ServerRegistry } from './servers/registry.ts';
import { SetupProblem } from './setup-problem.ts';
import { freshLog, makeFolders, paths } from './stack/folders.ts';
import { createLifecycle, sentence, type Lifecycle, type Part } from './stack/lifecycle.ts';
import { loadSecrets, readObject, writePrivately } from './stack/secrets.ts';
import { obtainDatabase, obtainWorkflows, ownDatabaseUrl, ownTemporalAddress } from './stack/servers.ts';
import { startService } from './stack/service.ts';
import { welcome } from './stack/welcome.ts';

/** `npm start`: the whole system on this machine, from nothing, until Ctrl-C. */
const report = createReport();

interface Ports {
  readonly api: number;
  readonly postgres: number;
  readonly temporal: number;
  readonly ui: number;
  readonly workerMetrics: number;
  readonly issuer: number;
  readonly parking: number;
  readonly issuerWorker: number;
}

async function choosePorts(): Promise<Ports> {
  const ports: Ports = {
    api: portFromEnvironment('PORT', 3000),
    postgres: portFromEnvironment('KESSAI_PG_PORT', 5544),
    temporal: portFromEnvironment('KESSAI_TEMPORAL_PORT', 7233),
    ui: portFromEnvironment('KESSAI_UI_PORT', 8233),
    workerMetrics: portFromEnvironment('WORKER_METRICS_PORT', 9464),
    issuer: portFromEnvironment('ISSUER_PORT', 3100),
    parking: portFromEnvironment('PARKING_PORT', 3200),
    issuerWorker: portFromEnvironment('ISSUER_WORKER_PORT', 3101),
  };
  const wanted: WantedPort[] = [
    { what: 'the API', port: ports.api, variable: 'PORT' },
    { what: "the worker's metrics", port: ports.workerMetrics, variable: 'WORKER_METRICS_PORT' },
    { what: 'the pay-later issuer', port: ports.issuer, variable: 'ISSUER_PORT' },
    { what: 'the parking operator', port: ports.parking, variable: 'PARKING_PORT' },
    { what: "the issuer's worker", port: ports.issuerWorker, variable: 'ISSUER_WORKER_PORT' },
  ];
  if (ownDatabaseUrl() === undefined) {
    wanted.push({ what: 'Postgres', port: ports.postgres, variable: 'KESSAI_PG_PORT' });
  }
  if (ownTemporalAddress() === undefined) {
    wanted.push({ what: 'Temporal', port: ports.temporal, variable: 'KESSAI_TEMPORAL_PORT' });
    wanted.push({ what: 'Temporal Web UI', port: ports.ui, variable: 'KESSAI_UI_PORT' });
  }
  await requireFreePorts(wanted);
  return ports;
}

/** One start a clone: two would fight over the same data. */
async function takeClone(): Promise<void> {
  await makeFolders();
  const { heldBy } = await takeLock(paths.lock);
  if (heldBy !== undefined) {
    throw new SetupProblem(
      `Kessai already runs from this folder (process ${heldBy}): stop it with Ctrl-C in its terminal first.`,
    );
  }
}

async function startServers(ports: Ports, lifecycle: Lifecycle) {
  const [database, workflows] = await Promise.allSettled([
    report.step('Postgres', () => obtainDatabase(ports.postgres, lifecycle, report)),
    report.step('Temporal', () => obtainWorkflows({ grpc: ports.temporal, ui: ports.ui }, lifecycle, report)),
  ]);
  if (database.status === 'rejected') throw database.reason;
  if (workflows.status === 'rejected') throw workflows.reason;
  return { database: database.value, workflows: workflows.value };
}

interface Environments {
  /** Of Kessai's own programs. */
  readonly kessai: NodeJS.ProcessEnv;
  /** Of the partners, who have nothing of Kessai's but a server to keep tables in. */
  readonly issuer: NodeJS.ProcessEnv;
  readonly parking: NodeJS.ProcessEnv;
}

async function startPrograms(ports: Ports, envs: Environments, lifecycle: Lifecycle): Promise<void> {
  await startAll(lifecycle, [
    { name: 'worker', entry: 'workers/main.ts', port: ports.workerMetrics, env: envs.kessai },
    { name: 'API', entry: 'workers/api-main.ts', port: ports.api, env: envs.kessai },
    { name: 'issuer', entry: 'partners/issuer/main.ts', port: ports.issuer, env: envs.issuer },
    { name: 'parking', entry: 'partners/parking-operator/main.ts', port: ports.parking, env: envs.parking },
  ]);
}

interface Program {
  readonly name: Part;
  readonly entry: string;
  readonly port: number;
  readonly env: NodeJS.ProcessEnv;
}

async function startAll(lifecycle: Lifecycle, programs: readonly Program[]): Promise<void> {
  // Side by side: most of their start is loading code.
  const started = await Promise.allSettled(
    programs.map(async ({ name, entry, port, env }) => {
      const logFile = await freshLog(name.toLowerCase().replaceAll(' ', '-'));
      const service = await report.step(name, () =>
        startService({
          name,
          entry,
          env,
          logFile,
          readyUrl: `http://127.0.0.1:${port}/readyz`,
          report,
          onSpawn: (child) => {
            lifecycle.adopt(name, child);
          },
          onGiveUp: (problem) => {
            void lifecycle.shutDown(1, problem.message);
          },
        }),
      );
      lifecycle.onStop(name, () => service.stop());
    }),
  );
  for (const result of started) if (result.status === 'rejected') throw result.reason;
}

async function run(lifecycle: Lifecycle): Promise<void> {
  const leftBehind = await endLeftBehind(paths.servers);
  if (leftBehind.length > 0)
    report.note(`  ok    ended what a killed start had left running: ${leftBehind.join(', ')}`);
  const ports = await choosePorts();
  const { ISSUER_ADMIN_KEY, PARKING_ADMIN_KEY, ...secrets } = await loadSecrets();
  const { database, workflows } = await startServers(ports, lifecycle);
  await report.step('Migrations', () =>
    migrate(database.url, (line) => {
      report.note(line);
    }),
  );
  const baseUrl = `http://127.0.0.1:${ports.api}`;
  const LOG_LEVEL = process.env.LOG_LEVEL ?? 'info';
  const kessai = {
    ...process.env,
    ...workflows.env,
    ...secrets,
    // Nobody is reached by it: push services of browsers want to know whom they could ask.
    KESSAI_VAPID_SUBJECT: process.env.KESSAI_VAPID_SUBJECT ?? 'mailto:kessai@example.com',
    DATABASE_URL: database.url,
    PORT: String(ports.api),
    // The seed's keys are for this machine.
    HOST: process.env.HOST ?? '127.0.0.1',
    WORKER_METRICS_PORT: String(ports.workerMetrics),
    LOG_LEVEL,
  };
  const issuer = {
    ...process.env,
    ISSUER_DATABASE_URL: database.url,
    ISSUER_ADMIN_KEY,
    ISSUER_PORT: String(ports.issuer),
    // On this machine only, where nobody is lent anything.
    ISSUER_HOST: '127.0.0.1',
    ISSUER_FAULTS: '1',
    LOG_LEVEL,
  };
  const parking = {
    ...process.env,
    PARKING_DATABASE_URL: database.url,
    PARKING_ADMIN_KEY,
    PARKING_PORT: String(ports.parking),
    PARKING_HOST: '127.0.0.1',
    PARKING_FAULTS: '1',
    LOG_LEVEL,
  };
  await startPrograms(ports, { kessai, issuer, parking }, lifecycle);
  const issuerUrl = `http://127.0.0.1:${ports.issuer}`;
  const parkingUrl = `http://127.0.0.1:${ports.parking}`;
  const temporal = { address: workflows.address, namespace: workflows.namespace, ui: workflows.uiUrl };
  const dev = await report.step('Seed', async () =>
    seed({
      baseUrl,
      databaseUrl: database.url,
      temporal,
      issuer: { baseUrl: issuerUrl, adminKey: ISSUER_ADMIN_KEY },
      parking: { baseUrl: parkingUrl, adminKey: PARKING_ADMIN_KEY },
      previous: await readObject(paths.dev),
    }),
  );
  await writePrivately(paths.dev, dev);
  // Last, as it has a key of its own like any partner, which the seed has made.
  await startAll(lifecycle, [
    {
      name: 'issuer worker',
      entry: 'partners/issuer/worker-main.ts',
      port: ports.issuerWorker,
      env: {
        ...issuer,
        ...workflows.env,
        ISSUER_KESSAI_URL: baseUrl,
        ISSUER_KESSAI_KEY: dev.keys.issuer,
        ISSUER_WORKER_PORT: String(ports.issuerWorker),
      },
    },
  ]);
  report.note(
    welcome({
      baseUrl,
      temporalAddress: workflows.address,
      uiUrl: workflows.uiUrl,
      embeddedPostgres: ownDatabaseUrl() === undefined,
      workerMetricsPort: ports.workerMetrics,
      issuerUrl,
      parkingUrl,
    }),
  );
}

try {
  await takeClone();
} catch (error) {
  console.error(`\n${sentence(error as Error)}`);
  process.exit(1);
}
const lifecycle = createLifecycle(report, new ServerRegistry(paths.servers), () => releaseLock(paths.lock));
try {
  await run(lifecycle);
} catch (error) {
  // What was still starting fails when it is stopped: the person asked for that.
  if (!lifecycle.isStopping()) await lifecycle.shutDown(1, sentence(error as Error));
}
