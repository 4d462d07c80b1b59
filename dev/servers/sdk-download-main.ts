import { TestWorkflowEnvironment } from '@temporalio/testing';

/**
 * Lets the SDK download a server into an empty folder (arguments: kind, folder) and starts it once to see that it
 * works. A program of its own, so that a download which hangs can be ended.
 */
const [kind, downloadDir] = process.argv.slice(2);
if (downloadDir === undefined) throw new Error('Usage: sdk-download-main KIND FOLDER');
const executable = { type: 'cached-download', downloadDir, version: 'default' } as const;
const environment =
  kind === 'dev-server'
    ? await TestWorkflowEnvironment.createLocal({ server: { executable } })
    : await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
await environment.teardown();
