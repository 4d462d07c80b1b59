import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '../report.ts';
import { isAlive } from './processes.ts';

/** Where servers are kept once obtained, shared by all clones of one user (XDG Base Directory Specification). */
export async function cacheFolder(): Promise<string> {
  const base = process.env.XDG_CACHE_HOME;
  const folder = join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'kessai');
  await mkdir(folder, { recursive: true });
  return folder;
}

/** A lock file appears together with its content (`link` is atomic), so no reader ever meets an empty one. */
async function tryLock(lockFile: string): Promise<boolean> {
  const fresh = `${lockFile}.${process.pid}.new`;
  await writeFile(fresh, String(process.pid));
  try {
    await link(fresh, lockFile);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(fresh, { force: true });
  }
}

async function owner(lockFile: string): Promise<number | undefined> {
  const text = await readFile(lockFile, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : Number(text);
}

/** Takes a dead owner's lock away; when a living one took its place meanwhile, it is put back. */
async function breakLock(lockFile: string, deadPid: number): Promise<void> {
  const aside = `${lockFile}.${process.pid}`;
  await rename(lockFile, aside).catch(() => undefined);
  if ((await owner(aside)) !== deadPid) await link(aside, lockFile).catch(() => undefined);
  await rm(aside, { force: true });
}

/**
 * Runs `work` while no other process of this user does the same: two clones that start at once must not both
 * build a server for five minutes. Results are moved into place in one step, so a lost lock wastes time, not more.
 */
export async function withCacheLock<T>(lockFile: string, report: Report, work: () => Promise<T>): Promise<T> {
  let told = false;
  while (!(await tryLock(lockFile))) {
    const pid = await owner(lockFile);
    if (pid !== undefined && !isAlive(pid)) {
      await breakLock(lockFile, pid);
      continue;
    }
    if (!told) report.note(`  ...   waiting for process ${pid ?? '?'}, which is obtaining the same server`);
    told = true;
    await delay(500);
  }
  try {
    return await work();
  } finally {
    await rm(lockFile, { force: true });
  }
}
