import { chmod, cp, mkdir, mkdtemp, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildWorkflowBundle } from '../workers/bundle.ts';
import { createReport } from './report.ts';
import { runCommand } from './servers/commands.ts';
import { runMain, SetupProblem } from './setup-problem.ts';

/**
 * `npm run build [-- --out DIR]`: JavaScript for plain `node`, with production dependencies only, in `dist/`. Everything
 * is made in a folder aside and put in place at the end, so a build that fails leaves what was there before.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const COMPILE_TIMEOUT_MS = 5 * 60_000;
/** Folders of SQL that `db/migrate.ts` reads from beside itself. */
const SQL_FOLDERS = ['db/migrations', 'db/routines'];

async function compile(folder: string): Promise<void> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '--project', join(root, 'tsconfig.build.json'), '--outDir', folder, '--pretty', 'false'];
  const result = await runCommand(process.execPath, args, { cwd: root, timeoutMs: COMPILE_TIMEOUT_MS });
  if (result.code !== 0)
    throw new SetupProblem(`The sources do not compile, nothing was built:\n${result.output.trim()}`);
}

async function copySql(folder: string): Promise<void> {
  for (const name of SQL_FOLDERS) await cp(join(root, name), join(folder, name), { recursive: true });
}

/** The worker takes the bundle from beside its own folder (workers/bundle.ts) and needs no bundler at its start. */
async function bundleWorkflows(folder: string): Promise<void> {
  const { code } = await buildWorkflowBundle();
  await writeFile(join(folder, 'workflow-bundle.js'), code);
}

/** Two renames: at no moment is there a folder `out` with half a build in it. */
async function putInPlace(staged: string, out: string): Promise<void> {
  const fresh = `${out}.new`;
  await rm(fresh, { recursive: true, force: true });
  await rename(staged, fresh);
  await rm(out, { recursive: true, force: true });
  await rename(fresh, out);
}

await runMain(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } });
  const out = resolve(values.out);
  const report = createReport();
  await mkdir(out, { recursive: true });
  // Inside `out`: the same disk, and ignored by git, lint and format check as `dist/` is.
  const staged = await mkdtemp(join(out, '.building-'));
  // A temporary folder is its owner's alone; in the image another user runs what is in it.
  await chmod(staged, 0o755);
  try {
    await report.step('Compile', () => compile(staged));
    await report.step('Copy SQL', () => copySql(staged));
    await report.step('Bundle workflows', () => bundleWorkflows(staged));
    await putInPlace(staged, out);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    // Gone only when nothing was there before us.
    await rmdir(out).catch(() => undefined);
    throw error;
  }
  report.note(
    `\nBuilt ${out}. Start it with "node dist/workers/api-main.js" and "node dist/workers/main.js".`,
  );
});
