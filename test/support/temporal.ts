import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { hasExited, killGroup, logTail, spawnServer, stopServer } from '../../dev/servers/processes.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import { until } from './until.ts';

/** temporal.api.enums.v1.IndexedValueType */
const INDEXED_VALUE_TYPE = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Double: 4,
  Bool: 5,
  Datetime: 6,
  KeywordList: 7,
} as const;

/** A task queue that no other test uses, with the title in it for whoever reads a history. */
export function taskQueueFor(title: string): string {
  const readable = title.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 60);
  return `${readable}-${randomBytes(4).toString('hex')}`;
}

/** The dev server all tests share. Tests keep apart by task queue and workflow ids. */
export function connectDevServer(): Promise<TestWorkflowEnvironment> {
  return TestWorkflowEnvironment.createFromExistingServer({ address: inject('temporalAddress') });
}

/** The SDK gives a server it starts five seconds, which is not enough for one on a busy machine. */
const READY_TIMEOUT_MS = 60_000;
/** Stands for the server that runs already; it ends when the environment does. */
const STAND_IN = `#!/bin/sh
exec sleep 3600
`;

/**
 * A time-skipping server of its own for a test file (about a second): it has one clock for everything on it, so tests
 * on it run one after the other, which they do within a file. We start it and wait until it answers; the SDK then finds
 * it at the port where it believes to have started one.
 */
export async function createTimeSkippingServer(): Promise<TestWorkflowEnvironment> {
  const folder = await mkdtemp(join(tmpdir(), 'kessai-time-'));
  const path = join(folder, 'stand-in');
  await writeFile(path, STAND_IN, { mode: 0o755 });
  const port = await freePort();
  const logFile = join(folder, 'server.log');
  const server = spawnServer(inject('timeSkippingPath'), [String(port)], {
    logFile,
  });
  const end = (): void => {
    killGroup(server.pid);
  };
  process.once('exit', end);
  const stop = async (): Promise<void> => {
    process.off('exit', end);
    await stopServer(server, 'SIGKILL', READY_TIMEOUT_MS);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until(
      'the time-skipping server',
      () => answers(server, `127.0.0.1:${port}`, logFile),
      READY_TIMEOUT_MS,
    );
    const environment = await TestWorkflowEnvironment.createTimeSkipping({
      server: { port, executable: { type: 'existing-path', path } },
    });
    const teardown = environment.teardown.bind(environment);
    environment.teardown = async () => {
      await teardown();
      await stop();
    };
    const searchAttributes = Object.fromEntries(
      SEARCH_ATTRIBUTES.map(([name, type]) => [name, INDEXED_VALUE_TYPE[type]]),
    );
    await environment.connection.operatorService.addSearchAttributes({
      namespace: environment.namespace ?? 'default',
      searchAttributes,
    });
    return environment;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function answers(server: ChildProcess, address: string, logFile: string): Promise<boolean> {
  if (hasExited(server)) throw new Error(`The time-skipping server has ended:\n${await logTail(logFile)}`);
  return Connection.connect({ address, connectTimeout: '5s' }).then(
    async (connection) => {
      await connection.close();
      return true;
    },
    () => false,
  );
}

/** The workflow bundle built once for the run, as `Worker.create({workflowBundle})` takes it. */
export async function workflowBundle(): Promise<{ code: string }> {
  return { code: await readFile(inject('bundlePath'), 'utf8') };
}
