import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Everything the local stack keeps. Deleted by `npm run dev:reset`, never committed. */
const state = join(root, '.kessai');

export const paths = {
  state,
  logs: join(state, 'logs'),
  postgres: join(state, 'postgres'),
  temporalDb: join(state, 'temporal.db'),
  temporalConfig: join(state, 'temporal.toml'),
  secrets: join(state, 'secrets.json'),
  dev: join(state, 'dev.json'),
  lock: join(state, 'start.lock'),
  servers: join(state, 'servers.json'),
} as const;

export async function makeFolders(): Promise<void> {
  // Others may pass through: when we are root, the user that runs Postgres must. Every secret file has mode 0600.
  await mkdir(paths.logs, { recursive: true, mode: 0o755 });
}

/** A fresh log file for this start; the one before is kept beside it. */
export async function freshLog(name: string): Promise<string> {
  const file = join(paths.logs, `${name}.log`);
  await rename(file, join(paths.logs, `${name}.previous.log`)).catch(() => undefined);
  return file;
}
