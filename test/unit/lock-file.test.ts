import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockHolder, releaseLock, takeLock } from '../../dev/servers/lock-file.ts';
import { isAlive } from '../../dev/servers/processes.ts';
import { endLeftBehind, ServerRegistry } from '../../dev/servers/registry.ts';

let folder: string;
let lockFile: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kessai-lock-'));
  lockFile = join(folder, 'lock');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function sleeper(): ReturnType<typeof spawn> {
  return spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
}

test('a lock is taken once, names its holder, and is free after its release', async () => {
  expect(await takeLock(lockFile)).toEqual({});
  expect(await takeLock(lockFile)).toEqual({ heldBy: process.pid });
  expect(await lockHolder(lockFile)).toBe(process.pid);
  await releaseLock(lockFile);
  expect(await takeLock(lockFile)).toEqual({});
});

test('a lock of a process that is gone, or whose number another process has now, is taken over', async () => {
  await writeFile(lockFile, `${process.pid} of-an-earlier-process`);
  expect(await lockHolder(lockFile)).toBeUndefined();
  expect(await takeLock(lockFile)).toEqual({});
  await writeFile(lockFile, '999999999 1');
  expect(await takeLock(lockFile)).toEqual({});
});

test('servers left behind are ended, and a process that only has the same number is not', async () => {
  const ours = sleeper();
  const other = sleeper();
  try {
    const file = join(folder, 'servers.json');
    await new ServerRegistry(file).add('worker', ours.pid);
    const entries = JSON.parse(await readFile(file, 'utf8')) as object[];
    await writeFile(file, JSON.stringify([...entries, { name: 'API', pid: other.pid, identity: 'another' }]));
    const gone = once(ours, 'exit');
    expect(await endLeftBehind(file)).toEqual(['worker']);
    await gone;
    expect(isAlive(other.pid ?? 0)).toBe(true);
  } finally {
    ours.kill('SIGKILL');
    other.kill('SIGKILL');
  }
});
