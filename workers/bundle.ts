import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

/** Beside the compiled worker after `npm run build`. */
const prebuilt = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));

/** Bundles all workflows from their sources; `npm run build` and the tests do it once. */
export async function buildWorkflowBundle(): Promise<WorkflowBundleWithSourceMap> {
  const compiled = fileURLToPath(new URL('../workflows/index.js', import.meta.url));
  const source = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));
  return bundleWorkflowCode({
    workflowsPath: existsSync(source) ? source : compiled,
    logger: new DefaultLogger('WARN'),
  });
}

/** The bundle made at build time if there is one, else one made now. */
export async function workflowBundle(): Promise<WorkflowBundleWithSourceMap | { codePath: string }> {
  return existsSync(prebuilt) ? { codePath: prebuilt } : buildWorkflowBundle();
}
