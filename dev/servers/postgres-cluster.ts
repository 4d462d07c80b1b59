import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SetupProblem } from '../setup-problem.ts';
import type { Account } from './postgres-account.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { commandLine, isAlive, processIdentity } from './processes.ts';

const run = promisify(execFile);

export const POSTGRES_USER = 'kessai';
const MAJOR = '18';

/** Nothing of our environment changes how Postgres behaves (PGDATA, PGOPTIONS, LC_ALL); tools still need PATH. */
export function postgresEnvironment(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot, TMPDIR, TEMP } = process.env;
  const own = { PATH, SystemRoot, TMPDIR: process.getuid?.() === 0 ? undefined : TMPDIR, TEMP, LC_ALL: 'C' };
  return Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
}

async function text(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (content) => content.trim(),
    () => undefined,
  );
}

/** Makes the cluster if there is none yet, and returns its password. */
export async function ensureCluster(
  place: string,
  passwordFile: string,
  binaries: PostgresBinaries,
  account: Account | undefined,
  fast: boolean,
): Promise<string> {
  const version = await text(join(place, 'PG_VERSION'));
  if (version === undefined) {
    const content = await readdir(place).catch(() => []);
    if (content.length > 0) throw brokenData(place, 'its PG_VERSION file is missing');
    return initialise(place, passwordFile, binaries, account, fast);
  }
  if (version !== MAJOR) throw brokenData(place, `it says version "${version}" where ${MAJOR} is expected`);
  const password = await text(passwordFile);
  if (password === undefined || password === '')
    throw brokenData(place, `its password file ${passwordFile} is missing`);
  return password;
}

export function brokenData(place: string, why: string): SetupProblem {
  return new SetupProblem(
    `The Postgres data folder ${place} cannot be used: ${why}. "npm run dev:reset" deletes the local data and lets you start anew.`,
  );
}

async function initialise(
  place: string,
  passwordFile: string,
  binaries: PostgresBinaries,
  account: Account | undefined,
  fast: boolean,
): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  // initdb runs as the account, so the password goes through a file of its own next to the data.
  const handOver = `${place}.initdb`;
  // Made aside and moved into place whole: an interrupted start leaves nothing half made behind.
  const fresh = `${place}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true, mode: 0o700 });
  await writeFile(handOver, password, { mode: 0o600 });
  try {
    if (account !== undefined) {
      for (const path of [handOver, fresh]) await chown(path, account.uid, account.gid);
    }
    await run(
      binaries.initdb,
      [
        `--pgdata=${fresh}`,
        `--username=${POSTGRES_USER}`,
        `--pwfile=${handOver}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // Postgres' own C.UTF-8 does not depend on what locales the system has.
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        ...(fast ? ['--no-sync'] : []),
      ],
      { ...(account ?? {}), cwd: '/', env: postgresEnvironment() },
    );
  } finally {
    await rm(handOver, { force: true });
  }
  await writeFile(passwordFile, password, { mode: 0o600 });
  await rm(place, { recursive: true, force: true });
  await rename(fresh, place);
  return password;
}

/**
 * Postgres recovers from the lock file of a killed server itself, unless that process number belongs to another
 * process of the same user by now, or to a zombie, as happens in containers: then the file is removed here.
 * Refuses when a Postgres really runs on this data.
 */
export async function clearStaleLock(place: string): Promise<void> {
  const lockFile = join(place, 'postmaster.pid');
  const pid = Number((await text(lockFile))?.split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid) || process.platform === 'win32') return;
  const runs = (await processIdentity(pid)) !== undefined;
  const command = await commandLine(pid);
  if (runs && command === '') return;
  if (runs && command.includes(place)) {
    throw new SetupProblem(
      `Postgres already runs on ${place} (process ${pid}): stop the other "npm start" first, or end that process.`,
    );
  }
  await rm(lockFile);
}
