import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { Express } from 'express';
import { pino } from 'pino';
import { createOperatorCaller } from '../../activities/operator-call.ts';
import { createApp } from '../../api/app.ts';
import type { ApiDeps } from '../../api/deps.ts';
import { RATE_LIMITS } from '../../api/http/rate-limit.ts';
import { createUserStreams } from '../../api/me/streams.ts';
import { createCodeDigester } from '../../db/code-digest.ts';
import { createKey } from '../../db/key.ts';
import { migrate } from '../../db/migrate.ts';
import { createPool } from '../../db/pool.ts';
import { createSealer } from '../../db/sealed.ts';
import { createUserEventListener } from '../../db/user-event-listener.ts';
import { DEFAULT_CODE_PREFIX } from '../../domain/code/format.ts';
import { createIssuerApp } from '../../partners/issuer/app.ts';
import { migrate as migrateIssuer } from '../../partners/issuer/migrate.ts';
import { createPool as createIssuerPool } from '../../partners/shared/database.ts';
import { workflowBundle } from '../../workers/bundle.ts';
import { createWorkers } from '../../workers/worker.ts';
import type { Report } from '../report.ts';
import { freePort } from '../servers/ports.ts';
import { removeDataDir } from '../servers/postgres-account.ts';
import { startPostgres } from '../servers/postgres.ts';
import { startTimeSkippingServer } from '../servers/time-skipping-server.ts';
import { obtainTimeSkippingServer } from '../servers/time-skipping.ts';

/** Books and an issuer that all stories share. */
export interface Stage {
  readonly adminKey: string;
  readonly issuer: { readonly baseUrl: string; readonly adminKey: string };
  /**
   * A Kessai in this process on a clock of its own, which can be moved. Once a campaign has ended and told so, the server that skips
   * time does it no more: hence one for each story.
   */
  readonly begin: () => Promise<Scene>;
  readonly stop: () => Promise<void>;
}

export interface Scene {
  readonly baseUrl: string;
  readonly nowMs: () => Promise<number>;
  /** Lets so much time pass: what waits for it happens. */
  readonly pass: (ms: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const ISSUER_TIMEOUT_MS = 1_000;

type Stops = (() => Promise<unknown>)[];

async function stopAll(stops: Stops): Promise<void> {
  for (const end of stops.splice(0).reverse()) await end();
}

export async function openStage(report: Report): Promise<Stage> {
  const stops: Stops = [];
  const stop = (): Promise<void> => stopAll(stops);
  try {
    Runtime.install({
      logger: new DefaultLogger('ERROR'),
      // That the server is not a real one is known.
      telemetryOptions: {
        logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) },
      },
    });
    const databaseUrl = await report.step('Postgres', () => openDatabase(stops, report));
    const executable = await obtainTimeSkippingServer(report);
    const bundle = await report.step('Workflows', workflowBundle);
    const pool = createPool(databaseUrl, { max: 10, name: 'kessai-demo-dunning' });
    stops.push(() => pool.end());
    const kessai: Kessai = {
      databaseUrl,
      bundle,
      deps: {
        pool,
        sealer: createSealer(randomBytes(32).toString('base64')),
        digestCode: createCodeDigester(randomBytes(32).toString('base64')),
        codePrefix: DEFAULT_CODE_PREFIX,
      },
    };
    const { key: adminKey } = await createKey(pool, { role: 'admin', tenantId: 'kessai', name: 'demo' });
    const issuer = await startIssuer(databaseUrl, stops);
    return { adminKey, issuer, begin: () => beginScene(kessai, executable, stops), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Kessai {
  readonly databaseUrl: string;
  readonly bundle: Awaited<ReturnType<typeof workflowBundle>>;
  readonly deps: Pick<ApiDeps, 'pool' | 'sealer' | 'digestCode' | 'codePrefix'>;
}

async function beginScene(kessai: Kessai, executable: string, stopsOfStage: Stops): Promise<Scene> {
  const stops: Stops = [];
  let passing = 0;
  const stop = (): Promise<void> => {
    if (passing === 0) return stopAll(stops);
    // The client goes on trying a call whose server is gone, and fails with nobody to catch it: so this comes last, just before the end.
    stopsOfStage.unshift(() => stopAll(stops));
    return Promise.resolve();
  };
  try {
    const environment = await startTimeSkippingServer(executable);
    stops.push(() => environment.teardown());
    const programs = await startPrograms(kessai, environment, stops);
    const pass = async (ms: number): Promise<void> => {
      passing += 1;
      await programs.pass(ms);
      passing -= 1;
    };
    return { ...programs, pass, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The one of DATABASE_URL, else one for this run alone. */
async function openDatabase(stops: Stops, report: Report): Promise<string> {
  const { DATABASE_URL: given } = process.env;
  let url = given;
  if (url === undefined || url === '') {
    const folder = await mkdtemp(join(tmpdir(), 'kessai-demo-'));
    stops.push(() => rm(folder, { recursive: true, force: true }));
    // When we are root, another user runs Postgres and must reach its data.
    await chmod(folder, 0o711);
    const dataDir = join(folder, 'postgres');
    stops.push(() => removeDataDir(dataDir));
    const logFile = join(folder, 'postgres.log');
    const server = await startPostgres({ dataDir, port: await freePort(), logFile, report, fast: true });
    stops.push(() => server.stop());
    url = server.url;
  }
  await migrate(url);
  return url;
}

async function startPrograms(
  { databaseUrl, bundle, deps }: Kessai,
  environment: TestWorkflowEnvironment,
  stops: Stops,
): Promise<Omit<Scene, 'stop'>> {
  const log = pino({ level: 'silent' });
  const taskQueue = 'kessai-demo';
  const listener = createUserEventListener(databaseUrl, () => undefined);
  const streams = createUserStreams({ pool: deps.pool, listener, log });
  stops.push(() => streams.close());
  const app = createApp({
    ...deps,
    callOperator: createOperatorCaller(deps),
    temporal: environment.client,
    taskQueue,
    streams,
    log,
    tillDeadlineMs: 3_000,
    rateLimits: { ...RATE_LIMITS, device: 10_000, public: 10_000 },
  });
  const baseUrl = await serve(app, stops);
  const workers = await createWorkers({
    connection: environment.nativeConnection,
    namespace: environment.namespace ?? 'default',
    taskQueue,
    workflowBundle: bundle,
    workflowsInThisThread: true,
    deps: { ...deps, issuerTimeoutMs: ISSUER_TIMEOUT_MS },
  });
  const run = workers.run();
  stops.push(() => {
    workers.shutdown();
    return run;
  });
  return {
    baseUrl,
    nowMs: () => environment.currentTimeMs(),
    pass: (ms) => environment.sleep(ms),
  };
}

async function startIssuer(databaseUrl: string, stops: Stops): Promise<Stage['issuer']> {
  const pool = createIssuerPool(databaseUrl, 'demo-issuer');
  stops.push(() => pool.end());
  await migrateIssuer(pool);
  const adminKey = randomBytes(24).toString('hex');
  const app = createIssuerApp({ pool, adminKey, withFaults: true, onError: () => undefined });
  return { baseUrl: await serve(app, stops), adminKey };
}

async function serve(app: Express, stops: Stops): Promise<string> {
  const server: Server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
