import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { generateVAPIDKeys } from 'web-push';
import { inject } from 'vitest';
import type { ActivityDeps } from '../../activities/index.ts';
import { createOperatorCaller } from '../../activities/operator-call.ts';
import { createApp } from '../../api/app.ts';
import { createCodeDigester, type CodeDigester } from '../../db/code-digest.ts';
import { RATE_LIMITS, type RateLimits } from '../../api/http/rate-limit.ts';
import { createUserStreams } from '../../api/me/streams.ts';
import { createDecisions, type Decisions } from '../../api/decisions.ts';
import { createKey } from '../../db/key.ts';
import type { Pool } from '../../db/pool.ts';
import { createSealer, type Sealer } from '../../db/sealed.ts';
import { createUserEventListener } from '../../db/user-event-listener.ts';
import { DEFAULT_CODE_PREFIX } from '../../domain/code/format.ts';
import type { PushSettings } from '../../domain/push/vapid.ts';
import { createWorkers } from '../../workers/worker.ts';
import { createTestDatabase } from './database.ts';

// One runtime a process; what workers say is of interest when something is wrong.
Runtime.install({ logger: new DefaultLogger('ERROR') });

export interface StackOptions {
  /** How many workers run from the start. */
  readonly workers?: 0 | 1;
  readonly tillDeadlineMs?: number;
  /** Runs on this server instead of the shared one. */
  readonly environment?: TestWorkflowEnvironment;
  readonly rateLimits?: Partial<RateLimits>;
  /** Instead of one with a pepper of the stack's own. */
  readonly digestCode?: CodeDigester;
  /** A file with workflows of the test's own instead of ours. */
  readonly bundlePath?: string;
  /** Payments start eagerly on the workers here, as on the one beside the API. Default true; never on a server of its own. */
  readonly eager?: boolean;
  /** Where the workers reach the shared server; default is its own address. */
  readonly workersAddress?: string;
  /** Where push messages may go, for example a push service of the test; none by default: push is off. */
  readonly pushHosts?: readonly string[];
  /** Lines that the API logs. */
  readonly onLog?: (line: string) => void;
}

/** One Kessai for one test file: own database and task queue, the API on a port of its own, shared servers. */
export interface Stack {
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly temporal: Client;
  readonly taskQueue: string;
  readonly baseUrl: string;
  readonly adminKey: string;
  readonly sealer: Sealer;
  /** Base64, what the sealer seals with. */
  readonly dataKey: string;
  readonly digestCode: CodeDigester;
  /** Its key, for a program beside the stack. */
  readonly codePepper: string;
  /** Between workers and API. */
  readonly decisions: Decisions;
  /** Starts a worker, with other activities' dependencies if asked; it stops with the stack or by `stop`. */
  startWorker(deps?: Partial<ActivityDeps>): Promise<RunningWorker>;
  stop(): Promise<void>;
}

export interface RunningWorker {
  readonly isRunning: () => boolean;
  stop(): Promise<void>;
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const database = await createTestDatabase();
  const { temporal, native, disconnect } = await connect(options);
  const taskQueue = `test-${randomBytes(6).toString('hex')}`;
  const dataKey = randomBytes(32).toString('base64');
  const sealer = createSealer(dataKey);
  const codePepper = randomBytes(32).toString('base64');
  const digestCode = options.digestCode ?? createCodeDigester(codePepper);
  const push = pushSettingsOf(options.pushHosts);
  const log = pino(
    { level: options.onLog === undefined ? 'silent' : 'trace' },
    { write: options.onLog ?? ignore },
  );
  const listener = createUserEventListener(database.url, ignore);
  const streams = createUserStreams({ pool: database.pool, listener, log });
  const decisions = createDecisions();
  const workers = new Set<RunningWorker>();
  const isEager = (options.eager ?? true) && options.environment === undefined;
  const eagerClient = isEager ? new Client({ connection: native }) : undefined;
  const app = createApp({
    pool: database.pool,
    eager: {
      client: () => ([...workers].some((it) => it.isRunning()) ? eagerClient : undefined),
      decisions,
    },
    temporal,
    taskQueue,
    callOperator: createOperatorCaller({ pool: database.pool, sealer }),
    sealer,
    digestCode,
    codePrefix: DEFAULT_CODE_PREFIX,
    push: push === undefined ? undefined : { publicKey: push.vapid.publicKey, hosts: push.hosts },
    streams,
    log,
    tillDeadlineMs: options.tillDeadlineMs ?? 10_000,
    rateLimits: { ...RATE_LIMITS, device: 10_000, public: 10_000, ...options.rateLimits },
  });
  const server = await listen(createServer(app));
  const { key: adminKey } = await createKey(database.pool, {
    role: 'admin',
    tenantId: 'kessai',
    name: 'test',
  });

  async function startWorker(deps: Partial<ActivityDeps> = {}): Promise<RunningWorker> {
    const worker = await createWorkers({
      connection: native,
      namespace: 'default',
      taskQueue,
      workflowBundle: { codePath: options.bundlePath ?? inject('bundlePath') },
      workflowsInThisThread: true,
      deps: {
        pool: database.pool,
        sealer,
        digestCode,
        codePrefix: DEFAULT_CODE_PREFIX,
        tellDecision: decisions.tell,
        push,
        ...deps,
      },
    });
    const run = worker.run();
    const running = {
      isRunning: worker.isRunning,
      async stop() {
        worker.shutdown();
        await run;
        workers.delete(running);
      },
    };
    workers.add(running);
    return running;
  }

  if (options.workers !== 0) await startWorker();
  return {
    pool: database.pool,
    databaseUrl: database.url,
    temporal,
    taskQueue,
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    adminKey,
    sealer,
    dataKey,
    digestCode,
    codePepper,
    decisions,
    startWorker,
    async stop() {
      server.closeAllConnections();
      server.close();
      await streams.close();
      await Promise.all([...workers].map((worker) => worker.stop()));
      await disconnect();
      await database.drop();
    },
  };
}

interface Connections {
  readonly temporal: Client;
  readonly native: NativeConnection;
  readonly disconnect: () => Promise<void>;
}

async function connect({ environment, workersAddress }: StackOptions): Promise<Connections> {
  if (environment !== undefined) {
    return {
      temporal: environment.client,
      native: environment.nativeConnection,
      disconnect: () => Promise.resolve(),
    };
  }
  const address = inject('temporalAddress');
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address: workersAddress ?? address });
  return {
    temporal: new Client({ connection }),
    native,
    async disconnect() {
      await native.close();
      await connection.close();
    },
  };
}

/** Listens on a loopback port, a free one if none is given. */
export async function listen(server: Server, port = 0): Promise<Server> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** A key pair of the stack's own. */
function pushSettingsOf(hosts: readonly string[] | undefined): PushSettings | undefined {
  if (hosts === undefined) return undefined;
  return { vapid: { ...generateVAPIDKeys(), subject: 'mailto:test@example.com' }, hosts };
}

function ignore(): void {
  // nobody listens
}
