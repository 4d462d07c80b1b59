import { access, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../report.ts';
import { SetupProblem } from '../setup-problem.ts';
import { archiveClasses, LAUNCHER } from './class-archive.ts';
import { cacheFolder, withCacheLock } from './cache.ts';
import { findOnPath, isExecutable, runCommand } from './commands.ts';
import { downloadBySdk } from './sdk-download.ts';

/** The version that pom.xml names. */
const JAR_VERSION = '1.38.0';
const OLDEST_JAVA = 17;
const MAVEN_TIMEOUT_MS = 10 * 60_000;
const COPY_GOAL = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

async function javaVersion(): Promise<number | undefined> {
  const home = process.env.JAVA_HOME;
  const java = home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
  const { output } = await runCommand(java, ['-version'], { timeoutMs: 20_000 });
  const version = /version "(\d+)/.exec(output)?.[1];
  return version === undefined ? undefined : Number(version);
}

async function copyByMaven(target: string, cache: string): Promise<boolean> {
  const maven = await findOnPath('mvn');
  if (maven === undefined || process.platform === 'win32') return false;
  const folder = join(cache, '.maven');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  try {
    // A copy of the pom, as Maven leaves a target folder next to it.
    await copyFile(fileURLToPath(new URL('pom.xml', import.meta.url)), join(folder, 'pom.xml'));
    const { code } = await runCommand(
      maven,
      [
        '-B',
        '-ntp',
        '-f',
        join(folder, 'pom.xml'),
        COPY_GOAL,
        `-DoutputDirectory=${join(folder, 'lib')}`,
        '-DincludeScope=runtime',
      ],
      { timeoutMs: MAVEN_TIMEOUT_MS, logFile: join(cache, 'time-skipping-server.log') },
    );
    if (code !== 0) return false;
    await writeFile(join(folder, 'temporal-test-server'), LAUNCHER, { mode: 0o755 });
    await rm(dirname(target), { recursive: true, force: true });
    await rename(folder, dirname(target));
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const classArchive = (jar: string): string => join(dirname(jar), 'classes.jsa');

/** Spares every later start half of its work; a Java that cannot do it runs without. */
async function archive(report: Report, jar: string): Promise<void> {
  await report.step('Time-skipping server: its classes loaded once, for faster starts', () =>
    archiveClasses(dirname(jar)).catch((error: unknown) => {
      report.note(`  ...   not possible, it starts more slowly (${String(error)})`);
    }),
  );
  // Launchers of older clones know no archive.
  await writeFile(`${jar}.new`, LAUNCHER, { mode: 0o755 });
  await rename(`${jar}.new`, jar);
}

async function obtain(report: Report, cache: string, downloaded: string, jar: string): Promise<string> {
  if (await isExecutable(downloaded)) return downloaded;
  if (await isExecutable(jar)) {
    await archive(report, jar);
    return jar;
  }
  const bySdk = await report.step('Time-skipping server: trying the download by the Temporal SDK', () =>
    downloadBySdk('time-skipping', downloaded),
  );
  if (bySdk) return downloaded;
  const java = await javaVersion();
  if (java !== undefined && java >= OLDEST_JAVA) {
    const byMaven = await report.step(`Time-skipping server: its jar ${JAR_VERSION} by Maven`, () =>
      copyByMaven(jar, cache),
    );
    if (byMaven) {
      await archive(report, jar);
      return jar;
    }
  }
  throw new SetupProblem(
    'No time-skipping test server can be had here, which workflow tests need: the SDK cannot download it, and the jar needs ' +
      `Java ${OLDEST_JAVA} or newer and Maven (mvn) on PATH${java === undefined ? '' : ` (found Java ${java})`}; what Maven said is in ${join(cache, 'time-skipping-server.log')}.`,
  );
}

/**
 * The path of an executable for `TestWorkflowEnvironment.createTimeSkipping`: one obtained before, else the SDK's
 * download, else the jar run by Java. Shared by all clones of this user.
 */
export async function obtainTimeSkippingServer(report: Report): Promise<string> {
  const cache = await cacheFolder();
  const downloaded = join(cache, 'temporal-test-server-sdk-1.24.0', 'temporal-test-server');
  const jar = join(cache, `temporal-test-server-${JAR_VERSION}`, 'temporal-test-server');
  if (await isExecutable(downloaded)) return downloaded;
  if ((await isExecutable(jar)) && (await exists(classArchive(jar))) && (await javaVersion()) !== undefined)
    return jar;
  await mkdir(cache, { recursive: true });
  return withCacheLock(join(cache, 'time-skipping-server.lock'), report, () =>
    obtain(report, cache, downloaded, jar),
  );
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
