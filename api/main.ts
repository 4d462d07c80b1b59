import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { pino } from 'pino';
import { createPool } from '../db/pool.ts';
import { createSealer } from '../db/sealed.ts';
import { createUserEventListener } from '../db/user-event-listener.ts';
import { createApp } from './app.ts';
import { createCodeDigester } from './code/digest.ts';
import { readApiConfig } from './config.ts';
import { TILL_DEADLINE_MS } from './deps.ts';
import { RATE_LIMITS } from './http/rate-limit.ts';
import { createUserStreams } from './me/streams.ts';

const config = readApiConfig(process.env);
const log = pino({ name: 'api', level: config.LOG_LEVEL });
const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
// Lazy: the API starts, and says so in /readyz, also while Temporal is away.
const connection = Connection.lazy(connectionOptions);
const pool = createPool(config.DATABASE_URL, { name: 'kessai-api' });
const listener = createUserEventListener(config.DATABASE_URL, (error) => {
  log.warn({ err: error }, 'event listener lost Postgres');
});
const streams = createUserStreams({ pool, listener, log });
const app = createApp({
  pool,
  temporal: new Client({ connection, namespace }),
  taskQueue: config.KESSAI_TASK_QUEUE,
  sealer: createSealer(config.KESSAI_DATA_KEY),
  digestCode: createCodeDigester(config.KESSAI_CODE_PEPPER),
  codePrefix: config.CODE_PREFIX,
  streams,
  log,
  tillDeadlineMs: TILL_DEADLINE_MS,
  rateLimits: RATE_LIMITS,
});

const server = app.listen(config.PORT, config.HOST, (error) => {
  if (error !== undefined) {
    log.fatal({ err: error }, `cannot listen on port ${config.PORT}: set PORT to a free one`);
    process.exit(1);
  }
  log.info({ port: (server.address() as AddressInfo).port }, 'API listens');
});
// Longer than the usual idle time of load balancers, so that they close idle connections and not we.
server.keepAliveTimeout = 75_000;

let isStopping = false;
async function stop(signal: string): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  log.info({ signal }, 'API stops');
  const closed = new Promise((resolve) => server.close(resolve));
  await streams.close();
  server.closeIdleConnections();
  await closed;
  await connection.close();
  await pool.end();
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    void stop(signal);
  });
}
