import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { z } from 'zod';
import { createPool } from '../shared/database.ts';
import { createIssuerWorker, ensureScanSchedule, watchRepayments } from './dunning-worker.ts';
import { createKessai } from './kessai.ts';
import { migrate } from './migrate.ts';

/** `npm run partner:issuer-worker`: the daily scan, registrations and repayment signals of the reference issuer. */

const settings = z.object({
  ISSUER_DATABASE_URL: z.string().regex(/^(postgres|postgresql|socket):/),
  ISSUER_KESSAI_URL: z.url(),
  ISSUER_KESSAI_KEY: z.string().min(10),
  ISSUER_TIME_ZONE: z.string().default('Asia/Tokyo'),
  ISSUER_TASK_QUEUE: z.string().default('issuer'),
  ISSUER_WORKER_PORT: z.coerce.number().int().min(0).max(65_535).default(3101),
});

/** One sentence for whoever starts it to put right. */
function endWith(why: string): never {
  process.stderr.write(`The issuer's worker cannot start: ${why}.\n`);
  process.exit(1);
}

/** What the environment does not say, the local stack does. */
function readSettings(): z.output<typeof settings> {
  const file = '.kessai/dev.json';
  const dev = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as {
        databaseUrl?: string;
        baseUrl?: string;
        keys?: { issuer?: string };
      })
    : {};
  const given = settings.safeParse({
    ISSUER_DATABASE_URL: dev.databaseUrl,
    ISSUER_KESSAI_URL: dev.baseUrl,
    ISSUER_KESSAI_KEY: dev.keys?.issuer,
    ...process.env,
  });
  if (given.success) return given.data;
  return endWith(given.error.issues.map((it) => `${it.path.join('.')} is not set or wrong`).join('; '));
}

const log = pino({ name: 'issuer-worker', level: process.env.LOG_LEVEL ?? 'info' });
const config = readSettings();
const pool = createPool(config.ISSUER_DATABASE_URL, 'partner-issuer-worker');
await migrate(pool).catch((error: unknown) => {
  endWith(
    `the Postgres of ISSUER_DATABASE_URL cannot be used (${error instanceof Error ? error.message : ''})`,
  );
});
const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await NativeConnection.connect(connectionOptions).catch(() =>
  endWith('Temporal cannot be reached; set TEMPORAL_ADDRESS'),
);
const options = {
  pool,
  kessai: createKessai({ baseUrl: config.ISSUER_KESSAI_URL, apiKey: config.ISSUER_KESSAI_KEY }),
  timeZone: config.ISSUER_TIME_ZONE,
  connection,
  namespace,
  taskQueue: config.ISSUER_TASK_QUEUE,
  onError: (error: unknown) => {
    log.warn({ err: error }, 'repayments could not be looked for');
  },
};
const worker = await createIssuerWorker(options);
await ensureScanSchedule(options);
const stopWatching = watchRepayments(options);
const health = createServer((_request, response) => {
  response.writeHead(worker.getState() === 'RUNNING' ? 200 : 503).end();
});
health.listen(config.ISSUER_WORKER_PORT, '127.0.0.1');
log.info({ taskQueue: config.ISSUER_TASK_QUEUE }, "the issuer's worker polls");
// SIGINT and SIGTERM end it.
await worker.run();
await stopWatching();
health.close();
await pool.end();
await connection.close();
process.exit(0);
