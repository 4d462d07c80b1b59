import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Report } from '../report.ts';
import { SetupProblem } from '../setup-problem.ts';
import { placeDataDir, postgresAccount } from './postgres-account.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import {
  brokenData,
  clearStaleLock,
  ensureCluster,
  POSTGRES_USER,
  postgresEnvironment,
} from './postgres-cluster.ts';
import { hasExited, logTail, spawnServer, stopServer } from './processes.ts';

const READY_TIMEOUT_MS = 60_000;
/** Postgres needs a moment to notice that a killed server's last processes are gone. */
const ATTEMPTS = 4;

export interface PostgresOptions {
  /** Where the data is kept; a password file lies next to it. Made when missing. */
  readonly dataDir: string;
  readonly port: number;
  readonly logFile: string;
  readonly report: Report;
  /** Hears of the server process at once, before it is ready: whoever ends us meanwhile must end it, too. */
  readonly onSpawn?: (child: ChildProcess) => void;
  /** Gives up durability for speed: for tests, whose data nobody misses. Default false. */
  readonly fast?: boolean;
  /** The database to have. Default `kessai`. */
  readonly database?: string;
}

export interface RunningPostgres {
  /** Connection string with the password in it. */
  readonly url: string;
  /** A connection string of the same server for another database. */
  urlOf(database: string): string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

function serverArguments(place: string, options: PostgresOptions): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    // Only TCP with a password: a socket in /tmp would be open to every user of this machine.
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '128MB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.fast === true ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', place, '-p', String(options.port), ...flags];
}

async function canConnect(url: string): Promise<'yes' | 'not yet'> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return 'yes';
  } catch (error) {
    const { code } = error as { code?: unknown };
    // invalid_password: the data and its password file do not belong together. Waiting does not mend that.
    if (code === '28P01') throw error;
    return 'not yet';
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function waitUntilReady(child: ChildProcess, url: string): Promise<boolean> {
  const startedMs = Date.now();
  while (Date.now() < startedMs + READY_TIMEOUT_MS) {
    if (hasExited(child)) return false;
    if ((await canConnect(url)) === 'yes') return true;
    // After a crash it recovers for seconds and logs every attempt: ask less often then.
    await delay(Date.now() < startedMs + 1_000 ? 50 : 250);
  }
  return false;
}

async function ensureDatabase(adminUrl: string, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(database)}`);
  } finally {
    await client.end();
  }
}

/** Why the server ended, from its log, as one sentence. */
async function explain(place: string, options: PostgresOptions): Promise<SetupProblem> {
  const tail = await logTail(options.logFile);
  const fatal = tail
    .split('\n')
    .reverse()
    .find(
      (line) => /FATAL|PANIC|error while loading/.test(line) && !/starting up|not yet accepting/.test(line),
    );
  const why = fatal?.replace(/^.*?(FATAL|PANIC): +/, '') ?? `see ${options.logFile}`;
  if (/address|could not create any TCP/i.test(why)) {
    return new SetupProblem(`Postgres could not listen on port ${options.port}: ${why}.`);
  }
  return brokenData(place, `Postgres does not start on it (${why})`);
}

/** Starts an embedded Postgres 18 on the loopback address and waits until it answers. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const account = await postgresAccount();
  const binaries = await postgresBinaries(account);
  const place = await placeDataDir(options.dataDir, account);
  await clearStaleLock(place);
  const password = await ensureCluster(
    place,
    `${options.dataDir}.password`,
    binaries,
    account,
    options.fast === true,
  );

  const urlOf = (database: string): string =>
    `postgres://${POSTGRES_USER}:${password}@127.0.0.1:${options.port}/${database}`;
  const stop = async (child: ChildProcess): Promise<void> => {
    // SIGINT is Postgres' "fast" shutdown: it ends sessions and writes a checkpoint.
    await stopServer(child, 'SIGINT', 15_000);
  };
  for (let attempt = 1; ; attempt += 1) {
    const child = spawnServer(binaries.postgres, serverArguments(place, options), {
      logFile: options.logFile,
      env: postgresEnvironment(),
      cwd: '/',
      account,
    });
    options.onSpawn?.(child);
    try {
      if (await waitUntilReady(child, urlOf('postgres'))) {
        await ensureDatabase(urlOf('postgres'), options.database ?? 'kessai');
        return { url: urlOf(options.database ?? 'kessai'), urlOf, process: child, stop: () => stop(child) };
      }
    } catch (error) {
      await stop(child);
      if ((error as { code?: unknown }).code === '28P01')
        throw brokenData(place, 'its password file does not fit');
      throw error;
    }
    await stop(child);
    const busy = /shared memory block|lock file/.test(await logTail(options.logFile, 5));
    if (!busy || attempt >= ATTEMPTS) throw await explain(place, options);
    await delay(1_000);
  }
}
