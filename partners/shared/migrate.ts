import type { Pool } from './database.ts';

/**
 * Brings a partner's own schema to the version that its migrations make; two servers that start at once take turns.
 * @param migrations in order, append-only
 */
export async function migrateSchema(
  pool: Pool,
  schema: string,
  migrations: readonly string[],
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock(hashtext($1))', [`${schema} migrations`]);
    await client.query(`create schema if not exists ${schema}`);
    await client.query(`create table if not exists ${schema}.schema_version (version integer not null)`);
    const { rows } = await client.query<{ version: number }>(
      `select coalesce(max(version), 0) as version from ${schema}.schema_version`,
    );
    const version = rows[0]?.version ?? 0;
    for (const sql of migrations.slice(version)) await client.query(sql);
    if (version < migrations.length) {
      await client.query(`insert into ${schema}.schema_version values ($1)`, [migrations.length]);
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}
