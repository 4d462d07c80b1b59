import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '../report.ts';
import { releaseLock, takeLock } from './lock-file.ts';

/** Where servers are kept once obtained, shared by all clones of one user (XDG Base Directory Specification). */
export async function cacheFolder(): Promise<string> {
  const base = process.env.XDG_CACHE_HOME;
  const folder = join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'kessai');
  await mkdir(folder, { recursive: true });
  return folder;
}

/**
 * Runs `work` while no other process of this user does the same: two clones that start at once must not both
 * build a server for five minutes. Results are moved into place in one step, so a lost lock wastes time, not more.
 */
export async function withCacheLock<T>(lockFile: string, report: Report, work: () => Promise<T>): Promise<T> {
  let told = false;
  for (;;) {
    const { heldBy } = await takeLock(lockFile);
    if (heldBy === undefined) break;
    if (!told) report.note(`  ...   waiting for process ${heldBy}, which is obtaining the same server`);
    told = true;
    await delay(500);
  }
  try {
    return await work();
  } finally {
    await releaseLock(lockFile);
  }
}
