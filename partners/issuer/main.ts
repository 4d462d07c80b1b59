import { createServer } from 'node:http';
import { pino } from 'pino';
import { z } from 'zod';
import { createIssuerApp } from './app.ts';
import { createPool } from './database.ts';
import { migrate } from './migrate.ts';

const environment = z.object({
  ISSUER_DATABASE_URL: z.string().regex(/^(postgres|postgresql|socket):/, 'must begin with postgres://'),
  ISSUER_ADMIN_KEY: z.string().min(20, 'must have 20 characters or more'),
  ISSUER_PORT: z.coerce.number().int().min(0).max(65_535).default(3100),
  ISSUER_HOST: z.string().default('127.0.0.1'),
  ISSUER_FAULTS: z.enum(['0', '1']).default('0'),
});

/** One sentence for whoever starts it to put right. */
function endWith(why: string): never {
  process.stderr.write(`The issuer cannot start: ${why}.\n`);
  process.exit(1);
}

const log = pino({ name: 'issuer', level: process.env.LOG_LEVEL ?? 'info' });
const config = environment.safeParse(process.env);
if (!config.success) {
  const faults = config.error.issues.map(({ path, message }) => {
    const name = path.join('.');
    return process.env[name] === undefined ? `${name} is not set` : `${name} ${message}`;
  });
  endWith(faults.join('; '));
}

const { ISSUER_DATABASE_URL, ISSUER_ADMIN_KEY, ISSUER_PORT, ISSUER_HOST, ISSUER_FAULTS } = config.data;
const pool = createPool(ISSUER_DATABASE_URL);
await migrate(pool).catch((error: unknown) => {
  const { message, code } = error as { message: string; code?: string };
  endWith(`the Postgres of ISSUER_DATABASE_URL cannot be used (${message === '' ? (code ?? '') : message})`);
});
const app = createIssuerApp({
  pool,
  adminKey: ISSUER_ADMIN_KEY,
  withFaults: ISSUER_FAULTS === '1',
  onError: (error) => {
    log.error({ err: error }, 'request failed');
  },
});
const server = createServer(app);
server.on('error', (error) => {
  endWith(`it cannot listen on ${ISSUER_HOST}, port ${ISSUER_PORT} (${error.message}); set ISSUER_PORT`);
});
server.listen(ISSUER_PORT, ISSUER_HOST, () => {
  log.info({ port: ISSUER_PORT }, 'issuer listens');
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    // What hangs is meant to: nobody loses an answer that was coming.
    server.close();
    server.closeAllConnections();
    void pool.end().then(() => process.exit(0));
  });
}
