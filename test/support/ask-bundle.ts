import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

export interface AskBundle {
  readonly path: string;
  remove(): Promise<void>;
}

/** The workflows of ask-workflow.ts in a file that workers take. */
export async function makeAskBundle(): Promise<AskBundle> {
  const folder = await mkdtemp(join(tmpdir(), 'kessai-ask-'));
  const path = join(folder, 'bundle.js');
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('ask-workflow.ts', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
  await writeFile(path, code);
  return { path, remove: () => rm(folder, { recursive: true }) };
}
