import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { createKey } from '../../db/key.ts';
import type { Pool } from '../../db/pool.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { createTestDatabase } from './database.ts';
import type { Target } from './givens.ts';
import { startProgram, type Program } from './program.ts';
import { until } from './until.ts';

const START_MS = 120_000;

/** A Kessai of two programs, to be killed: API and worker, with a database and a task queue of its own. */
export interface KessaiPrograms extends Target {
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly temporal: Client;
  readonly taskQueue: string;
  readonly api: Program;
  /** The one that runs now. */
  worker(): Program;
  /** Resolves when both answer. */
  ready(): Promise<void>;
  /** `kill -9` of both, and starts them at once: of the worker the real program, whatever ran before. */
  killBoth(): Promise<void>;
  stop(): Promise<void>;
}

/** @param it.worker the program that runs as worker until the first `killBoth` */
export async function startKessai(title: string, it: { worker?: string } = {}): Promise<KessaiPrograms> {
  const database = await createTestDatabase();
  const [port, metricsPort] = [await freePort(), await freePort()];
  const baseUrl = `http://127.0.0.1:${port}`;
  const urls = [baseUrl, `http://127.0.0.1:${metricsPort}`];
  const taskQueue = `${title}-${randomBytes(6).toString('hex')}`;
  const env = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    KESSAI_TASK_QUEUE: taskQueue,
    KESSAI_DATA_KEY: randomBytes(32).toString('base64'),
    KESSAI_CODE_PEPPER: randomBytes(32).toString('base64'),
    PORT: String(port),
    WORKER_METRICS_PORT: String(metricsPort),
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
  };
  const api = startProgram('workers/api-main.ts', env);
  let worker = startProgram(it.worker ?? 'workers/main.ts', env);
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const { key } = await createKey(database.pool, { role: 'admin', tenantId: 'kessai', name: 'test' });
  const ready = async (): Promise<void> => {
    await until('both programs', () => areReady(urls), START_MS);
  };
  await ready();
  return {
    baseUrl,
    adminKey: key,
    pool: database.pool,
    databaseUrl: database.url,
    temporal: new Client({ connection }),
    taskQueue,
    api,
    worker: () => worker,
    ready,
    async killBoth() {
      await Promise.all([worker.stop(), api.killAndRestart()]);
      worker = startProgram('workers/main.ts', env);
      await ready();
    },
    async stop() {
      await Promise.all([api.stop(), worker.stop()]);
      await connection.close();
      await database.drop();
    },
  };
}

async function areReady(urls: readonly string[]): Promise<boolean> {
  const answers = await Promise.all(urls.map((url) => fetch(`${url}/readyz`))).catch(() => []);
  return answers.length === urls.length && answers.every((it) => it.ok);
}
