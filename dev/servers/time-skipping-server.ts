import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import { freePort } from './ports.ts';
import { hasExited, killGroup, logTail, spawnServer, stopServer } from './processes.ts';

/** The SDK gives a server that it starts five seconds, which is not enough for one on a busy machine. */
const READY_TIMEOUT_MS = 60_000;
/** Stands for the server that runs already; it ends when the environment does. */
const STAND_IN = `#!/bin/sh
exec sleep 3600
`;

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

/**
 * A time-skipping server (about a second) with our search attributes; `teardown` ends it. It has one clock for everything on
 * it. We start it and wait until it answers; the SDK then finds it at the port where it believes to have started one.
 *
 * @param executable from `obtainTimeSkippingServer`
 * @param endBy how `teardown` ends it; nothing in it is worth a farewell
 */
export async function startTimeSkippingServer(
  executable: string,
  endBy: 'SIGKILL' | 'SIGTERM' = 'SIGKILL',
): Promise<TestWorkflowEnvironment> {
  const folder = await mkdtemp(join(tmpdir(), 'kessai-time-'));
  const path = join(folder, 'stand-in');
  await writeFile(path, STAND_IN, { mode: 0o755 });
  const port = await freePort();
  const logFile = join(folder, 'server.log');
  const server = spawnServer(executable, [String(port)], { logFile });
  const end = (): void => {
    killGroup(server.pid);
  };
  process.once('exit', end);
  const stop = async (): Promise<void> => {
    process.off('exit', end);
    await stopServer(server, endBy, READY_TIMEOUT_MS);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(server, `127.0.0.1:${port}`, logFile);
    const environment = await TestWorkflowEnvironment.createTimeSkipping({
      server: { port, executable: { type: 'existing-path', path } },
    });
    const teardown = environment.teardown.bind(environment);
    environment.teardown = async () => {
      await teardown();
      await stop();
    };
    await environment.connection.operatorService.addSearchAttributes({
      namespace: environment.namespace ?? 'default',
      searchAttributes: Object.fromEntries(
        SEARCH_ATTRIBUTES.map(([name, type]) => [name, INDEXED_VALUE_TYPE[type]]),
      ),
    });
    return environment;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilReady(server: ChildProcess, address: string, logFile: string): Promise<void> {
  const giveUpMs = Date.now() + READY_TIMEOUT_MS;
  while (!(await answers(address))) {
    if (hasExited(server)) throw new Error(`The time-skipping server has ended:\n${await logTail(logFile)}`);
    if (Date.now() > giveUpMs) throw new Error('The time-skipping server does not answer.');
    await delay(20);
  }
}

function answers(address: string): Promise<boolean> {
  return Connection.connect({ address, connectTimeout: '5s' }).then(
    async (connection) => {
      await connection.close();
      return true;
    },
    () => false,
  );
}
