import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Report } from '../report.ts';
import { SetupProblem } from '../setup-problem.ts';
import { cacheFolder, withCacheLock } from './cache.ts';
import { findOnPath, isExecutable, runCommand } from './commands.ts';
import { downloadBySdk } from './sdk-download.ts';

/** The last line of versions that `go install` can build: later ones replace modules in their go.mod. */
const CLI_VERSION = '1.5.1';
const CLI_PACKAGE = 'github.com/temporalio/cli/cmd/temporal';
/** Older servers lack what payments rely on (update-with-start without a feature flag). */
const OLDEST_SERVER = [1, 29] as const;
const BUILD_TIMEOUT_MS = 30 * 60_000;

const executable = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

/** Whether this `temporal` can be the dev server: it is recent enough and takes the flags we start it with. */
async function isUsable(path: string): Promise<boolean> {
  if (!(await isExecutable(path))) return false;
  const { output } = await runCommand(path, ['--version'], { timeoutMs: 20_000 });
  const [, major, minor] = /Server (\d+)\.(\d+)/.exec(output) ?? [];
  if (major === undefined || minor === undefined) return false;
  const recent =
    Number(major) > OLDEST_SERVER[0] ||
    (Number(major) === OLDEST_SERVER[0] && Number(minor) >= OLDEST_SERVER[1]);
  if (!recent) return false;
  const help = await runCommand(path, ['server', 'start-dev', '--help'], { timeoutMs: 20_000 });
  return ['--sqlite-pragma', '--dynamic-config-value', '--search-attribute'].every((flag) =>
    help.output.includes(flag),
  );
}

async function buildWithGo(target: string): Promise<boolean> {
  const go = await findOnPath('go');
  if (go === undefined) return false;
  await mkdir(dirname(target), { recursive: true });
  const folder = join(dirname(target), '.build');
  // A build that was killed leaves its own behind; we hold the lock, so nobody uses it.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  try {
    const { code } = await runCommand(go, ['install', '-ldflags=-s -w', `${CLI_PACKAGE}@v${CLI_VERSION}`], {
      env: { ...process.env, GOBIN: folder },
      timeoutMs: BUILD_TIMEOUT_MS,
      logFile: join(dirname(target), 'build.log'),
      cwd: folder,
    });
    if (code !== 0) return false;
    await rename(join(folder, executable), target);
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function obtain(report: Report, cache: string, downloaded: string, built: string): Promise<string> {
  if (await isUsable(built)) return built;
  if (await isUsable(downloaded)) return downloaded;
  const bySdk = await report.step('Temporal dev server: trying the download by the Temporal SDK', () =>
    downloadBySdk('dev-server', downloaded),
  );
  if (bySdk && (await isUsable(downloaded))) return downloaded;
  if ((await findOnPath('go')) !== undefined) {
    report.note(
      '  ...   No download from here. Building Temporal with Go instead: about five minutes on two cores, once.',
    );
    const byGo = await report.step(`Temporal dev server: go install ${CLI_PACKAGE}@v${CLI_VERSION}`, () =>
      buildWithGo(built),
    );
    if (byGo && (await isUsable(built))) return built;
  }
  throw new SetupProblem(
    'No Temporal dev server can be had here: put a recent "temporal" (CLI) on PATH, or install Go so that it can be built, ' +
      `or set TEMPORAL_ADDRESS to a server of your own. (Kept in ${cache}; a build leaves build.log there.)`,
  );
}

/**
 * The path of a `temporal` that can be the dev server: the one on PATH, else one obtained before, else the SDK's
 * download, else built from source by Go. What is obtained is shared by all clones of this user.
 */
export async function obtainTemporalCli(report: Report): Promise<string> {
  const onPath = await findOnPath('temporal');
  if (onPath !== undefined && (await isUsable(onPath))) return onPath;
  const cache = await cacheFolder();
  const built = join(cache, `temporal-cli-${CLI_VERSION}`, executable);
  const downloaded = join(cache, 'temporal-cli-sdk-1.24.0', executable);
  if (await isUsable(built)) return built;
  if (await isUsable(downloaded)) return downloaded;
  return withCacheLock(join(cache, 'temporal-cli.lock'), report, () =>
    obtain(report, cache, downloaded, built),
  );
}
