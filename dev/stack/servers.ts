import { writeFile } from 'node:fs/promises';
import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import pg from 'pg';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import type { Report } from '../report.ts';
import { startPostgres } from '../servers/postgres.ts';
import { startTemporal } from '../servers/temporal.ts';
import { SetupProblem } from '../setup-problem.ts';
import { freshLog, paths } from './folders.ts';
import type { Lifecycle } from './lifecycle.ts';

/** What the processes need to reach a server, and what a person sees of it. */
export interface Database {
  readonly url: string;
}
export interface Workflows {
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl?: string;
  /** Environment variables for the processes. */
  readonly env: NodeJS.ProcessEnv;
}

export function ownDatabaseUrl(): string | undefined {
  return process.env.DATABASE_URL === '' ? undefined : process.env.DATABASE_URL;
}

export function ownTemporalAddress(): string | undefined {
  return process.env.TEMPORAL_ADDRESS === '' ? undefined : process.env.TEMPORAL_ADDRESS;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** The Postgres of DATABASE_URL, else an embedded one. */
export async function obtainDatabase(port: number, lifecycle: Lifecycle, report: Report): Promise<Database> {
  const url = ownDatabaseUrl();
  if (url !== undefined) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      throw new SetupProblem(
        `The Postgres of DATABASE_URL cannot be used (${message(error)}): correct it, or unset DATABASE_URL for an embedded one.`,
      );
    } finally {
      await client.end().catch(() => undefined);
    }
    return { url };
  }
  const logFile = await freshLog('postgres');
  const server = await startPostgres({
    dataDir: paths.postgres,
    port,
    logFile,
    report,
    onSpawn: (child) => {
      lifecycle.adopt('Postgres', child);
    },
  });
  lifecycle.onStop('Postgres', () => server.stop());
  lifecycle.guard('Postgres', server.process, logFile);
  return { url: server.url };
}

/** The Temporal of TEMPORAL_ADDRESS (with TLS or API key from the environment), else a dev server. */
export async function obtainWorkflows(
  ports: { readonly grpc: number; readonly ui: number },
  lifecycle: Lifecycle,
  report: Report,
): Promise<Workflows> {
  const address = ownTemporalAddress();
  if (address !== undefined) {
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
    try {
      const connection = await Connection.connect({ ...connectionOptions, connectTimeout: '10s' });
      await connection.workflowService.describeNamespace({ namespace });
      await connection.close();
    } catch (error) {
      throw new SetupProblem(
        `The Temporal of TEMPORAL_ADDRESS (${address}, namespace ${namespace}) cannot be used (${message(error)}): correct it, or unset TEMPORAL_ADDRESS for a dev server.`,
      );
    }
    return { address, namespace, env: {} };
  }
  const logFile = await freshLog('temporal');
  const server = await startTemporal({
    dbFile: paths.temporalDb,
    port: ports.grpc,
    uiPort: ports.ui,
    logFile,
    searchAttributes: SEARCH_ATTRIBUTES,
    report,
    onSpawn: (child) => {
      lifecycle.adopt('Temporal', child);
    },
  });
  lifecycle.onStop('Temporal', () => server.stop());
  lifecycle.guard('Temporal', server.process, logFile);
  // A profile in the user's own Temporal configuration (a cloud key, say) must not reach the local server.
  await writeFile(paths.temporalConfig, '[profile.default]\n');
  const foreign = Object.keys(process.env).filter((name) => name.startsWith('TEMPORAL_'));
  return {
    address: server.address,
    namespace: server.namespace,
    ...(server.uiUrl === undefined ? {} : { uiUrl: server.uiUrl }),
    env: {
      ...Object.fromEntries(foreign.map((name) => [name, undefined])),
      TEMPORAL_ADDRESS: server.address,
      TEMPORAL_NAMESPACE: server.namespace,
      TEMPORAL_CONFIG_FILE: paths.temporalConfig,
    },
  };
}
