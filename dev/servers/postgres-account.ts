import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { SetupProblem } from '../setup-problem.ts';

const run = promisify(execFile);

/** The user Postgres runs as when we are root, as it refuses to run as root. Undefined: run as ourselves. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** An existing user without rights. We never create one: a development tool has no business in /etc/passwd. */
export async function postgresAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // No such user: try the next one.
    }
  }
  throw new SetupProblem(
    'Postgres does not run as root, and this system has neither a user "postgres" nor "nobody": add one, run as another user, or set DATABASE_URL.',
  );
}

/** Whether the account can reach and read this path; asked of the system itself, which alone knows all its rules. */
export function canRead(path: string, account: Account): Promise<boolean> {
  return new Promise((done) => {
    const probe = spawn('/bin/sh', ['-c', 'test -r "$0"', path], { ...account, cwd: '/', stdio: 'ignore' });
    probe.on('error', () => {
      done(false);
    });
    probe.on('exit', (code) => {
      done(code === 0);
    });
  });
}

/**
 * A folder outside of any home, for what the account must reach although the clone lies under a root home with
 * mode 700. It must be root's own: /var/tmp is open to everybody, and a folder prepared by another is refused.
 */
export async function reachableBase(account: Account): Promise<string> {
  for (const folder of ['/var/lib/kessai', '/var/tmp/kessai-root']) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      const entry = await lstat(folder);
      const ours = entry.isDirectory() && entry.uid === 0 && (entry.mode & 0o022) === 0;
      if (ours && (await canRead(folder, account))) return folder;
    } catch {
      // Read-only or not permitted: try the next one.
    }
  }
  throw new SetupProblem(
    'The unprivileged user that runs Postgres can read neither this clone nor /var/lib/kessai nor /var/tmp/kessai-root: clone elsewhere, or set DATABASE_URL.',
  );
}

/** Deletes data whose clone was deleted without a reset: its note names a link that leads elsewhere or nowhere. */
async function sweepLostData(base: string): Promise<void> {
  for (const note of (await readdir(base)).filter((name) => name.endsWith('.clone'))) {
    const place = join(base, note.slice(0, -'.clone'.length));
    const link = await readFile(join(base, note), 'utf8').catch(() => undefined);
    if (link === undefined || (await linkTarget(link)) === place) continue;
    // A server that still runs on it keeps it.
    if (
      await stat(join(place, 'postmaster.pid')).then(
        () => true,
        () => false,
      )
    )
      continue;
    await rm(place, { recursive: true, force: true });
    await rm(join(base, note), { force: true });
  }
}

async function linkTarget(path: string): Promise<string | undefined> {
  return readlink(path).catch(() => undefined);
}

/**
 * The folder that really holds the data of `dataDir`, made for the account if it is new. Where the account cannot
 * reach `dataDir`, that becomes a link to a folder with a random name: a link that is lost (a deleted clone)
 * never leads a new clone to old data.
 */
export async function placeDataDir(dataDir: string, account: Account | undefined): Promise<string> {
  const wanted = resolve(dataDir);
  await mkdir(dirname(wanted), { recursive: true });
  if (account === undefined) return wanted;
  const target = await linkTarget(wanted);
  if (target !== undefined && (await canRead(target, account))) return target;
  if (target !== undefined) await rm(wanted);

  const reachable = await canRead(dirname(wanted), account);
  if (reachable) {
    await mkdir(wanted, { recursive: true, mode: 0o700 });
    await chown(wanted, account.uid, account.gid);
    return wanted;
  }
  const exists = await stat(wanted).then(
    () => true,
    () => false,
  );
  if (exists) {
    throw new SetupProblem(
      `${wanted} holds Postgres data, but the user that runs Postgres can no longer reach it (a folder above it was closed to others): open that folder again, or run "npm run dev:reset".`,
    );
  }
  const base = await reachableBase(account);
  await sweepLostData(base);
  const place = join(base, `data-${randomBytes(8).toString('hex')}`);
  await mkdir(place, { mode: 0o700 });
  await chown(place, account.uid, account.gid);
  await symlink(place, wanted);
  await writeFile(`${place}.clone`, wanted);
  return place;
}

/** Deletes a data folder, and the place it was moved to. */
export async function removeDataDir(dataDir: string): Promise<void> {
  const target = await linkTarget(dataDir);
  const ours =
    target !== undefined && /^\/var\/(lib\/kessai|tmp\/kessai-root)\/data-[0-9a-f]{16}$/.test(target);
  if (ours) {
    await rm(target, { recursive: true, force: true });
    await rm(`${target}.clone`, { force: true });
  }
  await rm(dataDir, { recursive: true, force: true });
  await rm(`${dataDir}.password`, { force: true });
}
