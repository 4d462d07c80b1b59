import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { createPool, type Pool } from '../../db/pool.ts';

export interface TestDatabase {
  readonly url: string;
  readonly pool: Pool;
  /** Ends the pool and deletes the database. */
  drop(): Promise<void>;
}

async function asOwner(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgresAdminUrl') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A database of its own for a test file: a copy of the migrated template, which takes 20 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  // Files are copied, not logged page by page: nobody restores this server.
  await asOwner(`create database ${name} template ${inject('templateDatabase')} strategy file_copy`);
  const url = new URL(inject('postgresAdminUrl'));
  url.pathname = `/${name}`;
  const pool = createPool(url.href, { max: 10, name: 'kessai-test' });
  return {
    url: url.href,
    pool,
    async drop() {
      await pool.end();
      await asOwner(`drop database if exists ${name} with (force)`);
    },
  };
}
