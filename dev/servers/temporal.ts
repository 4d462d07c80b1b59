import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import type { Report } from '../report.ts';
import { SetupProblem } from '../setup-problem.ts';
import { hasExited, logTail, spawnServer, stopServer } from './processes.ts';
import { obtainTemporalCli } from './temporal-cli.ts';

const READY_TIMEOUT_MS = 60_000;
const NAMESPACE = 'default';

/** Name and type of a search attribute, as `temporal server start-dev --search-attribute` takes them. */
export type SearchAttribute = readonly [name: string, type: string];

export interface TemporalOptions {
  /** Keeps histories in this file; in memory when left out. */
  readonly dbFile?: string;
  readonly port: number;
  /** Starts the Web UI there; headless when left out. */
  readonly uiPort?: number;
  readonly logFile: string;
  readonly searchAttributes: readonly SearchAttribute[];
  readonly report: Report;
  /** Hears of the server process at once, before it is ready: whoever ends us meanwhile must end it, too. */
  readonly onSpawn?: (child: ChildProcess) => void;
}

export interface RunningTemporal {
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl?: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/**
 * What makes the dev server fast with few workers: no task queue partitions to forward between, and queues of its
 * only shard that are read at once instead of 20 times a second.
 */
const DYNAMIC_CONFIG = [
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  'history.transferProcessorMaxPollRPS=2000',
  'history.visibilityProcessorMaxPollRPS=2000',
  'history.timerProcessorMaxPollRPS=2000',
];

function serverArguments(options: TemporalOptions): string[] {
  return [
    'server',
    'start-dev',
    '--ip=127.0.0.1',
    `--port=${options.port}`,
    ...(options.uiPort === undefined ? ['--headless'] : [`--ui-port=${options.uiPort}`]),
    ...(options.dbFile === undefined ? [] : [`--db-filename=${options.dbFile}`]),
    '--sqlite-pragma=journal_mode=WAL',
    '--sqlite-pragma=synchronous=1',
    '--log-level=warn',
    '--color=never',
    ...DYNAMIC_CONFIG.map((entry) => `--dynamic-config-value=${entry}`),
    ...options.searchAttributes.map(([name, type]) => `--search-attribute=${name}=${type}`),
  ];
}

/** True once the namespace answers and every search attribute is known: a start before that would be refused. */
async function answers(address: string, searchAttributes: readonly SearchAttribute[]): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: '2s' });
    await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: NAMESPACE,
    });
    return searchAttributes.every(([name]) => Object.hasOwn(customAttributes, name));
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}

/** Starts a Temporal dev server on the loopback address and waits until it can take workflows. */
export async function startTemporal(options: TemporalOptions): Promise<RunningTemporal> {
  const cli = await obtainTemporalCli(options.report);
  const address = `127.0.0.1:${options.port}`;
  const child = spawnServer(cli, serverArguments(options), { logFile: options.logFile });
  options.onSpawn?.(child);
  const stop = (): Promise<void> => stopServer(child, 'SIGTERM', 10_000);
  const deadlineMs = Date.now() + READY_TIMEOUT_MS;
  while (!(await answers(address, options.searchAttributes))) {
    if (hasExited(child) || Date.now() > deadlineMs) {
      await stop();
      const tail = await logTail(options.logFile, 6);
      throw new SetupProblem(
        `The Temporal dev server does not start (log ${options.logFile}).` +
          (options.dbFile === undefined
            ? ''
            : ' When its data is broken, "npm run dev:reset" deletes the local data and lets you start anew.') +
          `\n${tail}`,
      );
    }
    await delay(50);
  }
  return {
    address,
    namespace: NAMESPACE,
    ...(options.uiPort === undefined ? {} : { uiUrl: `http://127.0.0.1:${options.uiPort}` }),
    process: child,
    stop,
  };
}
