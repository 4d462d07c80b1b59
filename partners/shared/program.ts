import { createServer } from 'node:http';
import type { Express } from 'express';
import { pino, type Logger } from 'pino';
import { z } from 'zod';
import { createPool, type Pool } from './database.ts';

export interface PartnerProgram {
  /** As a person reads it: `issuer`. */
  readonly name: string;
  /** Of its environment variables: `ISSUER`. */
  readonly prefix: string;
  readonly defaultPort: number;
  readonly migrate: (pool: Pool) => Promise<void>;
  readonly createApp: (it: { pool: Pool; adminKey: string; withFaults: boolean; log: Logger }) => {
    readonly app: Express;
    /** Ends what goes on beside the answers. */
    readonly close?: () => Promise<void>;
  };
}

/** Runs a reference partner until SIGINT or SIGTERM; what keeps it from starting is one sentence. */
export async function runPartner(program: PartnerProgram): Promise<void> {
  const { name, prefix } = program;
  /** One sentence for whoever starts it to put right. */
  const endWith = (why: string): never => {
    process.stderr.write(`The ${name} cannot start: ${why}.\n`);
    process.exit(1);
  };
  const log = pino({ name: name.replaceAll(' ', '-'), level: process.env.LOG_LEVEL ?? 'info' });
  const { databaseUrl, adminKey, port, host, faults } = readEnvironment(program, endWith);
  const pool = createPool(databaseUrl, `partner-${name.replaceAll(' ', '-')}`);
  await program.migrate(pool).catch((error: unknown) => {
    const { message, code } = error as { message: string; code?: string };
    endWith(
      `the Postgres of ${prefix}_DATABASE_URL cannot be used (${message === '' ? (code ?? '') : message})`,
    );
  });
  const { app, close } = program.createApp({ pool, adminKey, withFaults: faults === '1', log });
  const server = createServer(app);
  server.on('error', (error) => {
    endWith(`it cannot listen on ${host}, port ${port} (${error.message}); set ${prefix}_PORT`);
  });
  server.listen(port, host, () => {
    log.info({ port }, `${name} listens`);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // What hangs is meant to: nobody loses an answer that was coming.
      server.close();
      server.closeAllConnections();
      void (close?.() ?? Promise.resolve()).then(() => pool.end()).then(() => process.exit(0));
    });
  }
}

const settings = (defaultPort: number) =>
  z.object({
    databaseUrl: z.string().regex(/^(postgres|postgresql|socket):/, 'must begin with postgres://'),
    adminKey: z.string().min(20, 'must have 20 characters or more'),
    port: z.coerce.number().int().min(0).max(65_535).default(defaultPort),
    host: z.string().default('127.0.0.1'),
    faults: z.enum(['0', '1']).default('0'),
  });

function readEnvironment(
  { prefix, defaultPort }: PartnerProgram,
  endWith: (why: string) => never,
): z.output<ReturnType<typeof settings>> {
  const names = {
    databaseUrl: `${prefix}_DATABASE_URL`,
    adminKey: `${prefix}_ADMIN_KEY`,
    port: `${prefix}_PORT`,
    host: `${prefix}_HOST`,
    faults: `${prefix}_FAULTS`,
  };
  const given = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, process.env[name]]));
  const config = settings(defaultPort).safeParse(given);
  if (config.success) return config.data;
  const faults = config.error.issues.map(({ path, message }) => {
    const name = names[path[0] as keyof typeof names];
    return process.env[name] === undefined ? `${name} is not set` : `${name} ${message}`;
  });
  return endWith(faults.join('; '));
}
