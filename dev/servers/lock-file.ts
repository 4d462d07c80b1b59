import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isAlive, processIdentity } from './processes.ts';

interface Owner {
  readonly text: string;
  readonly pid: number;
}

/** Process number and start time, as the number alone may be given to another process later. */
async function signature(pid: number): Promise<string> {
  return `${pid} ${(await processIdentity(pid)) ?? ''}`;
}

async function readOwner(lockFile: string): Promise<Owner | undefined> {
  const text = await readFile(lockFile, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : { text, pid: Number.parseInt(text, 10) };
}

/** Takes a dead owner's lock away; when a living one took its place meanwhile, it is put back. */
async function breakLock(lockFile: string, dead: Owner): Promise<void> {
  const aside = `${lockFile}.${process.pid}`;
  await rename(lockFile, aside).catch(() => undefined);
  const taken = await readOwner(aside);
  if (taken !== undefined && taken.text !== dead.text) await link(aside, lockFile).catch(() => undefined);
  await rm(aside, { force: true });
}

/** A lock file appears together with its content (`link` is atomic), so no reader ever meets an empty one. */
async function tryLock(lockFile: string): Promise<boolean> {
  const fresh = `${lockFile}.${process.pid}.new`;
  await writeFile(fresh, await signature(process.pid));
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

/** The living process that holds this lock, if one does. */
export async function lockHolder(lockFile: string): Promise<number | undefined> {
  const owner = await readOwner(lockFile);
  if (owner === undefined || !isAlive(owner.pid)) return undefined;
  return owner.text === (await signature(owner.pid)) ? owner.pid : undefined;
}

/** Takes the lock, also from a process that is gone. Otherwise answers which living process holds it. */
export async function takeLock(lockFile: string): Promise<{ heldBy?: number }> {
  for (;;) {
    if (await tryLock(lockFile)) return {};
    const owner = await readOwner(lockFile);
    if (owner === undefined) continue;
    const heldBy = await lockHolder(lockFile);
    if (heldBy !== undefined) return { heldBy };
    await breakLock(lockFile, owner);
  }
}

export async function releaseLock(lockFile: string): Promise<void> {
  await rm(lockFile, { force: true });
}
