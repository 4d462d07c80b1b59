import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { startTimeSkippingServer } from './time-skipping-server.ts';

/**
 * What runs the jar. The quick compiler and the serial collector suit a server that lives for seconds on a shared machine; with
 * its classes loaded once and archived it costs half of the CPU. Java passes over an archive that is missing or another Java's.
 */
export const LAUNCHER = launcher(
  '-XX:SharedArchiveFile="$here/classes.jsa" -Xlog:disable -Xlog:all=error:stderr',
);

function launcher(archiveOptions: string): string {
  return `#!/bin/sh
here="$(dirname "$0")"
exec "\${JAVA_HOME:+$JAVA_HOME/bin/}java" ${archiveOptions} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx512m -cp "$here/lib/*" io.temporal.testserver.TestServer "$@"
`;
}

/** Runs a server from `folder` through what tests ask of one and keeps the classes this loaded beside it. */
export async function archiveClasses(folder: string): Promise<void> {
  const training = join(folder, 'training');
  const archive = join(folder, 'classes.new.jsa');
  try {
    await writeFile(training, launcher(`-XX:ArchiveClassesAtExit="$here/classes.new.jsa"`), { mode: 0o755 });
    const environment = await startTimeSkippingServer(training, 'SIGTERM');
    try {
      await exercise(environment);
    } finally {
      await environment.teardown();
    }
    await rename(archive, join(folder, 'classes.jsa'));
  } finally {
    await Promise.all([rm(training, { force: true }), rm(archive, { force: true })]);
  }
}

async function exercise({ client, connection, ...environment }: TestWorkflowEnvironment): Promise<void> {
  const namespace = environment.namespace ?? 'default';
  const taskQueue = { name: 'training' };
  const handle = await client.workflow.start('training', {
    workflowId: 'training',
    taskQueue: taskQueue.name,
  });
  await handle.signal('training', {});
  const { taskToken } = await connection.workflowService.pollWorkflowTaskQueue({ namespace, taskQueue });
  await connection.workflowService.respondWorkflowTaskCompleted({ namespace, taskToken });
  await handle.describe();
  await handle.fetchHistory();
  await handle.terminate();
}
