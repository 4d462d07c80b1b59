import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Logger } from 'pino';
import { createPool } from '../db/pool.ts';
import { createSealer } from '../db/sealed.ts';
import { createUserEventListener } from '../db/user-event-listener.ts';
import type { OperatorCaller } from '../domain/parking/operator-call.ts';
import { createApp } from './app.ts';
import { createCodeDigester } from '../db/code-digest.ts';
import { pushSettings, type ApiConfig } from './config.ts';
import { TILL_DEADLINE_MS } from './deps.ts';
import { RATE_LIMITS } from './http/rate-limit.ts';
import { createUserStreams } from './me/streams.ts';
import type { EagerStarts } from './workflow-start.ts';
import { endWith, listenProblem, reason, StartProblem } from './start-problem.ts';

/** Whole requests are answered well within this; what is open still is one that stopped half-way. */
const STOP_MS = TILL_DEADLINE_MS + 5_000;
/** One Ctrl-C can arrive twice, from the terminal and from npm. */
const SAME_SIGNAL_MS = 500;

/** How Temporal is reached, as the environment says. */
export interface TemporalAccess {
  readonly connectionOptions: ReturnType<typeof loadClientConnectConfig>['connectionOptions'];
  readonly namespace: string;
}

/** What runs in the process of the API beside it. */
export interface Beside {
  readonly eager: EagerStarts;
  readonly callOperator: OperatorCaller;
  /** Its part of `/metrics`. */
  readonly metrics: () => Promise<string>;
  /** Called after the last request. */
  readonly stop: () => Promise<void>;
}

/**
 * Listens until SIGTERM or SIGINT, which end the process.
 * @param startBeside starts what runs beside the API, once its settings are known to be right
 * @throws {StartProblem} if it cannot start
 */
export async function serveApi(
  config: ApiConfig,
  log: Logger,
  startBeside: (access: TemporalAccess) => Beside,
): Promise<void> {
  const access = readTemporalAccess();
  // The API starts, and says so in /readyz, also while Temporal is away.
  const connection = Connection.lazy(access.connectionOptions);
  const pool = createPool(config.DATABASE_URL, { name: 'kessai-api' });
  const listener = createUserEventListener(config.DATABASE_URL, (error) => {
    log.warn({ err: error }, 'event listener lost Postgres');
  });
  const streams = createUserStreams({ pool, listener, log });
  const beside = startBeside(access);
  const app = createApp({
    pool,
    temporal: new Client({ connection, namespace: access.namespace }),
    eager: beside.eager,
    callOperator: beside.callOperator,
    moreMetrics: beside.metrics,
    taskQueue: config.KESSAI_TASK_QUEUE,
    sealer: createSealer(config.KESSAI_DATA_KEY, config.KESSAI_DATA_KEYS_OLD),
    digestCode: createCodeDigester(config.KESSAI_CODE_PEPPER, config.KESSAI_CODE_PEPPERS_OLD),
    codePrefix: config.CODE_PREFIX,
    push: pushSettings(config),
    streams,
    log,
    tillDeadlineMs: TILL_DEADLINE_MS,
    rateLimits: RATE_LIMITS,
  });
  const server = await listen(createServer(app), config.HOST, config.PORT);
  log.info({ port: (server.address() as AddressInfo).port }, 'API listens');

  let stoppingSinceMs: number | undefined;
  const stop = async (signal: string): Promise<void> => {
    if (stoppingSinceMs !== undefined) {
      // Whoever asks again does not want to wait.
      if (Date.now() - stoppingSinceMs > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    stoppingSinceMs = Date.now();
    log.info({ signal }, 'API stops');
    const closed = new Promise((resolve) => server.close(resolve));
    // Nothing else ends a request that stopped half-way: a closing server no longer watches its time-outs.
    setTimeout(() => {
      server.closeAllConnections();
    }, STOP_MS);
    await streams.close();
    server.closeIdleConnections();
    await closed;
    await beside.stop();
    await connection.close();
    await pool.end();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop(signal).catch(endWith);
    });
  }
}

function readTemporalAccess(): TemporalAccess {
  try {
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
    return { connectionOptions, namespace };
  } catch (error) {
    throw new StartProblem('API', `the settings of Temporal (TEMPORAL_*) cannot be used (${reason(error)})`);
  }
}

async function listen(server: Server, host: string, port: number): Promise<Server> {
  // Longer than the usual idle time of load balancers, so that they close idle connections and not we.
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(listenProblem('API', error, { host, port, variable: 'PORT' }));
    });
    server.listen(port, host, resolve);
  });
  return server;
}
