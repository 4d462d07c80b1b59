import { readdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

/** SQL lies beside this file in the sources and, after `npm run build`, beside the compiled one. */
const here = path.dirname(fileURLToPath(import.meta.url));

/**
 * Brings a database to this version: numbered migrations once each (node-pg-migrate, under its advisory lock), then
 * the routines, which are `create or replace` and therefore always read as they are.
 * @returns names of the migrations applied now
 */
export async function migrate(
  databaseUrl: string,
  log: (line: string) => void = () => undefined,
): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'kessai-migrate' });
  await client.connect();
  try {
    const applied = await runner({
      dbClient: client,
      dir: path.join(here, 'migrations'),
      direction: 'up',
      migrationsTable: 'schema_migration',
      count: Infinity,
      log: () => undefined,
      logger: { debug: () => undefined, info: () => undefined, warn: log, error: log },
    });
    await applyRoutines(client);
    return applied.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}

async function applyRoutines(client: pg.Client): Promise<void> {
  const dir = path.join(here, 'routines');
  if (!existsSync(dir)) throw new Error('db/routines is missing: the build is incomplete');
  const files = (await readdir(dir)).filter((name) => name.endsWith('.sql')).sort();
  const sql = await Promise.all(files.map((name) => readFile(path.join(dir, name), 'utf8')));
  // One transaction under a lock: two programs that start at once do not replace the same function together.
  await client.query('begin');
  await client.query("select pg_advisory_xact_lock(hashtext('kessai routines'))");
  for (const text of sql) await client.query(text);
  await client.query('commit');
}
