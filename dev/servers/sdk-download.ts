import { chmod, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runCommand } from './commands.ts';

/** A closed network either refuses at once or swallows packets: no first byte by then means there is no way out. */
const FIRST_BYTE_TIMEOUT_MS = 20_000;
const TIMEOUT_MS = 10 * 60_000;

/**
 * Obtains a server by the SDK's own download and moves it to `target`. False when that is not possible here.
 */
export async function downloadBySdk(kind: 'dev-server' | 'time-skipping', target: string): Promise<boolean> {
  await mkdir(dirname(target), { recursive: true });
  const folder = join(dirname(target), '.download');
  // A download that was killed leaves its own behind; our caller holds the lock, so nobody uses it.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const giveUp = new AbortController();
  try {
    const main = fileURLToPath(new URL('sdk-download-main.ts', import.meta.url));
    const download = runCommand(process.execPath, ['--import', 'tsx', main, kind, folder], {
      timeoutMs: TIMEOUT_MS,
      signal: giveUp.signal,
      cwd: dirname(main),
    });
    const watch = delay(FIRST_BYTE_TIMEOUT_MS, undefined, { ref: false }).then(async () => {
      if ((await readdir(folder).catch(() => [])).length === 0) giveUp.abort();
    });
    void watch;
    const { code } = await download;
    const [file] = await readdir(folder);
    if (code !== 0 || file === undefined) return false;
    await chmod(join(folder, file), 0o755);
    await rename(join(folder, file), target);
    return true;
  } finally {
    giveUp.abort();
    await rm(folder, { recursive: true, force: true });
    // Leaves no empty folder behind where nothing was obtained.
    await rmdir(dirname(target)).catch(() => undefined);
  }
}
