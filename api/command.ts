import { existsSync, readFileSync } from 'node:fs';
import { createPool, type Pool } from '../db/pool.ts';

/** What the person at the terminal has to put right. */
export class Refusal extends Error {}

/** Runs a command with the database of DATABASE_URL or of the local stack, and ends the process with its code. */
export async function runWithDatabase(name: string, work: (pool: Pool) => Promise<number>): Promise<void> {
  try {
    const pool = createPool(databaseUrl(), { max: 1, name });
    try {
      process.exitCode = await work(pool);
    } finally {
      await pool.end();
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof Refusal ? 1 : 2;
  }
}

/** The one of DATABASE_URL, else that of the local stack. */
export function databaseUrl(): string {
  const { DATABASE_URL: given } = process.env;
  if (given !== undefined && given !== '') return given;
  const file = '.kessai/dev.json';
  if (existsSync(file))
    return (JSON.parse(readFileSync(file, 'utf8')) as { databaseUrl: string }).databaseUrl;
  throw new Refusal('Which database? Set DATABASE_URL, or start the local stack with npm start.');
}
