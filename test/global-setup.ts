import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { migrate } from '../db/migrate.ts';
import { createReport, type Report } from '../dev/report.ts';
import { freePort } from '../dev/servers/ports.ts';
import { removeDataDir } from '../dev/servers/postgres-account.ts';
import { startPostgres } from '../dev/servers/postgres.ts';
import { isAlive } from '../dev/servers/processes.ts';
import { endLeftBehind, ServerRegistry } from '../dev/servers/registry.ts';
import { startTemporal } from '../dev/servers/temporal.ts';
import { obtainTimeSkippingServer } from '../dev/servers/time-skipping.ts';
import { buildWorkflowBundle } from '../workers/bundle.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.ts';
import { compilePrograms } from './support/compile.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The test Postgres, as its owner, on its maintenance database. */
    postgresAdminUrl: string;
    /** A migrated database to copy; nobody may stay connected to it. */
    templateDatabase: string;
    /** The dev server, in memory, namespace `default`, with our search attributes. */
    temporalAddress: string;
    /** Its Web UI. */
    temporalUiUrl: string;
    /** The executable for `TestWorkflowEnvironment.createTimeSkipping`. */
    timeSkippingPath: string;
    /** A file with the workflow bundle's code. */
    bundlePath: string;
    /** Our programs as JavaScript: support/program.ts starts them. */
    programsFolder: string;
  }
}

const TEMPLATE = 'kessai_template';
const PREFIX = 'kessai-test-';

type CleanUp = () => Promise<void>;

/** Ends the servers of test runs that were killed, and deletes their folders. */
async function sweepKilledRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(tmpdir(), name);
    const owner = Number(await readFile(join(folder, 'owner'), 'utf8').catch(() => NaN));
    if (!Number.isInteger(owner) || isAlive(owner)) continue;
    await endLeftBehind(join(folder, 'servers.json'));
    await removeDataDir(join(folder, 'postgres'));
    await rm(folder, { recursive: true, force: true });
  }
}

async function startDatabase(folder: string, registry: ServerRegistry, cleanUps: CleanUp[], report: Report) {
  const dataDir = join(folder, 'postgres');
  const logFile = join(folder, 'postgres.log');
  cleanUps.push(() => removeDataDir(dataDir));
  const server = await startPostgres({
    dataDir,
    port: await freePort(),
    logFile,
    report,
    fast: true,
    database: TEMPLATE,
  });
  cleanUps.push(() => server.stop());
  await registry.add('postgres', server.process.pid);
  await migrate(server.url);
  return server.urlOf('postgres');
}

async function startWorkflowServer(
  folder: string,
  registry: ServerRegistry,
  cleanUps: CleanUp[],
  report: Report,
) {
  // Its Go collects garbage less often: there is memory enough for a test run.
  process.env.GOGC ??= '400';
  const server = await startTemporal({
    port: await freePort(),
    uiPort: await freePort(),
    logFile: join(folder, 'temporal.log'),
    searchAttributes: SEARCH_ATTRIBUTES,
    report,
  });
  cleanUps.push(() => server.stop());
  await registry.add('temporal', server.process.pid);
  return server;
}

const SOURCE_MAP_MARK = '//# sourceMappingURL=data:';
const EMPTY_SOURCE_MAP = Buffer.from(
  JSON.stringify({ version: 3, file: 'workflow-bundle.js', sources: [], names: [], mappings: '' }),
).toString('base64');

/**
 * The bundle lies where compiled workers look for it, as after `npm run build`. Its source map is left out: four workers of each
 * test's stack would read it, which takes longer than many a test; failures name lines of the bundle.
 */
async function writeBundle(programsFolder: string): Promise<string> {
  const path = join(programsFolder, 'workflow-bundle.js');
  const { code } = await buildWorkflowBundle();
  const withoutMap = code.slice(0, code.lastIndexOf(SOURCE_MAP_MARK));
  await writeFile(path, `${withoutMap}${SOURCE_MAP_MARK}application/json;base64,${EMPTY_SOURCE_MAP}`);
  return path;
}

/**
 * Starts, once for the whole run and side by side, what tests share: Postgres with a migrated template, a Temporal
 * dev server, the workflow bundle, our programs compiled; and obtains the time-skipping server, which each test file starts for itself.
 */
export default async function setUp(project: TestProject): Promise<CleanUp> {
  const report = createReport();
  await sweepKilledRuns();
  const folder = await mkdtemp(join(tmpdir(), PREFIX));
  // When we are root, another user runs Postgres and must reach its data.
  await chmod(folder, 0o711);
  await writeFile(join(folder, 'owner'), String(process.pid));
  const registry = new ServerRegistry(join(folder, 'servers.json'));
  const cleanUps: CleanUp[] = [() => rm(folder, { recursive: true, force: true })];
  const lastResort = (): void => {
    registry.killAll();
  };
  process.once('exit', lastResort);
  const tearDown: CleanUp = async () => {
    process.off('exit', lastResort);
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  };

  const programsFolder = join(folder, 'programs');
  await mkdir(programsFolder);
  const [postgres, temporal, timeSkipping, bundle, programs] = await Promise.allSettled([
    report.step('Postgres for tests', () => startDatabase(folder, registry, cleanUps, report)),
    report.step('Temporal dev server for tests', () =>
      startWorkflowServer(folder, registry, cleanUps, report),
    ),
    report.step('Time-skipping server for tests', () => obtainTimeSkippingServer(report)),
    report.step('Workflow bundle', () => writeBundle(programsFolder)),
    report.step('Programs compiled for tests', () => compilePrograms(programsFolder)),
  ]);
  try {
    project.provide('postgresAdminUrl', valueOf(postgres));
    project.provide('templateDatabase', TEMPLATE);
    const { address, uiUrl = '' } = valueOf(temporal);
    project.provide('temporalAddress', address);
    project.provide('temporalUiUrl', uiUrl);
    project.provide('timeSkippingPath', valueOf(timeSkipping));
    project.provide('bundlePath', valueOf(bundle));
    valueOf(programs);
    project.provide('programsFolder', programsFolder);
  } catch (error) {
    await tearDown();
    throw error;
  }
  return tearDown;
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'fulfilled') return result.value;
  throw result.reason;
}
