import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { chromium, type Browser } from 'playwright-core';
import type { Report } from '../report.ts';
import { cacheFolder, withCacheLock } from '../servers/cache.ts';
import { findOnPath, isExecutable, runCommand } from '../servers/commands.ts';
import { SetupProblem } from '../setup-problem.ts';

/** Chromium and what starts it. */
export interface Chromium {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * A headless Chromium out of the npm registry, for Linux on x64, with the few libraries that a small system lacks. Any network that
 * `npm ci` works in has it. It is no dependency: 68 MB that only a machine without a browser needs, once.
 */
const PACKAGE = {
  name: '@sparticuz/chromium',
  version: '147.0.0',
  integrity:
    'sha512-4ZKeAQQa8up2mt675qSitztLdbQrlf8BKdC5naeap+5Mv1OV1OlJdPoU+EJC/p5sQUJUQmN4r+q5+EhaaOUHpQ==',
} as const;
const TIMEOUT_MS = 10 * 60_000;

/**
 * A Chromium: one on PATH, else Playwright's own if it is there, else one obtained before or now and shared by all clones of this user.
 * @throws SetupProblem with one sentence where none can be had
 */
export async function obtainChromium(report: Report): Promise<Chromium> {
  for (const name of NAMES) {
    const path = await findOnPath(name);
    if (path !== undefined) return { path, env: {} };
  }
  const ofPlaywright = chromium.executablePath();
  if (await isExecutable(ofPlaywright)) return { path: ofPlaywright, env: {} };
  const cache = await cacheFolder();
  const folder = join(cache, `chromium-${PACKAGE.version}`);
  const ours = { path: join(folder, 'chromium'), env: { LD_LIBRARY_PATH: join(folder, 'lib') } };
  if (await isExecutable(ours.path)) return ours;
  return withCacheLock(join(cache, 'chromium.lock'), report, async () => {
    if (await isExecutable(ours.path)) return ours;
    const { name, version } = PACKAGE;
    const isThere = await report.step(`Chromium: ${name}@${version} from the npm registry, once`, () =>
      unpackFromRegistry(folder),
    );
    if (isThere) return ours;
    throw new SetupProblem(
      'No Chromium can be had here: install chromium or Google Chrome and put it on PATH, or run "npx playwright-core install chromium".',
    );
  });
}

async function unpackFromRegistry(target: string): Promise<boolean> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  const folder = `${target}.new`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  try {
    const { name, version, integrity } = PACKAGE;
    const run = (command: string, ...args: string[]) =>
      runCommand(command, args, { cwd: folder, timeoutMs: TIMEOUT_MS });
    const packed = await run('npm', 'pack', '--silent', `${name}@${version}`);
    const archive = join(folder, packed.output.trim().split('\n').at(-1) ?? '');
    if (packed.code !== 0 || (await digestOf(archive)) !== integrity) return false;
    const bin = 'package/bin';
    const files = ['chromium.br', 'al2023.tar.br'].map((it) => `${bin}/${it}`);
    if ((await run('tar', '-xzf', archive, ...files)).code !== 0) return false;
    await expand(join(folder, bin, 'chromium.br'), join(folder, 'chromium'));
    await expand(join(folder, bin, 'al2023.tar.br'), join(folder, 'lib.tar'));
    if ((await run('tar', '-xf', 'lib.tar')).code !== 0) return false;
    for (const used of [archive, join(folder, 'lib.tar'), join(folder, 'package')])
      await rm(used, { recursive: true });
    await rename(folder, target);
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As npm writes it; undefined when there is no such file. */
async function digestOf(file: string): Promise<string | undefined> {
  const hash = createHash('sha512');
  try {
    await pipeline(createReadStream(file), hash);
  } catch {
    return undefined;
  }
  return `sha512-${hash.digest('base64')}`;
}

async function expand(from: string, to: string): Promise<void> {
  await writeFile(to, await promisify(brotliDecompress)(await readFile(from)), { mode: 0o755 });
}

/** Starts it without a window. Its sandbox needs what containers and root do not give; it is shown our own pages alone. */
export function launch({ path, env }: Chromium): Promise<Browser> {
  return chromium.launch({
    executablePath: path,
    env: { ...process.env, ...env },
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
}
