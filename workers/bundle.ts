import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Beside the compiled worker after `npm run build`. */
const prebuilt = join(root, 'workflow-bundle.js');
/** Bundles made from sources: worker and API take the same one, and a restart finds it. */
const cache = join(root, 'node_modules/.cache/kessai');
/** All that can get into a bundle. */
const SOURCE_FOLDERS = ['workflows', 'domain'];
const LOCK_FILE = 'package-lock.json';

/** Bundles all workflows from their sources; `npm run build` and the tests do it once. */
export async function buildWorkflowBundle(): Promise<WorkflowBundleWithSourceMap> {
  const source = join(root, 'workflows/index.ts');
  return bundleWorkflowCode({
    workflowsPath: existsSync(source) ? source : join(root, 'workflows/index.js'),
    logger: new DefaultLogger('WARN'),
  });
}

/** The bundle made at build time if there is one, else the one made of these very sources before, else one made now. */
export async function workflowBundle(): Promise<{ code: string } | { codePath: string }> {
  if (existsSync(prebuilt)) return { codePath: prebuilt };
  const name = `workflows-${await digestOfSources()}.js`;
  const kept = await readFile(join(cache, name), 'utf8').catch(() => undefined);
  if (kept !== undefined) return { code: kept };
  const { code } = await buildWorkflowBundle();
  // A folder that cannot be written costs the next start the same seconds.
  await keep(name, code).catch(() => undefined);
  return { code };
}

async function digestOfSources(): Promise<string> {
  const digest = createHash('sha256');
  const add = async (file: string): Promise<void> => {
    digest
      .update(`${file}\n`)
      .update(await readFile(join(root, file)))
      .update('\n');
  };
  for (const folder of SOURCE_FOLDERS) {
    const files = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    const paths = files.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name));
    for (const path of paths.sort()) await add(path.slice(root.length));
  }
  if (existsSync(join(root, LOCK_FILE))) await add(LOCK_FILE);
  return digest.digest('hex').slice(0, 16);
}

/** Puts it in place whole, as two processes may do this at once, and takes away what older sources left. */
async function keep(name: string, code: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const staged = join(cache, `${name}.${process.pid}`);
  await writeFile(staged, code);
  await rename(staged, join(cache, name));
  const older = (await readdir(cache)).filter((it) => /^workflows-\w+\.js$/.test(it) && it !== name);
  await Promise.all(older.map((it) => rm(join(cache, it), { force: true })));
}
