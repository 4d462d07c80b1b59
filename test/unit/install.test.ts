import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../dev/install.mjs', import.meta.url));

/** Stands in for npm: says that it ran and does what `npm ci` does to node_modules. */
const FAKE_NPM = `
const { mkdirSync, appendFileSync } = require('node:fs');
appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n');
if (process.env.FAKE_NPM_FAILS) {
  console.error('npm error code EAI_AGAIN');
  process.exit(1);
}
mkdirSync('node_modules', { recursive: true });
`;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kessai-install-'));
  await mkdir(join(folder, 'dev'));
  await copyFile(program, join(folder, 'dev', 'install.mjs'));
  await writeFile(join(folder, 'npm-cli.js'), FAKE_NPM);
  await writeLock('1.0.0');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function lock(version: string): object {
  return {
    packages: {
      '': {},
      'node_modules/a': { version },
      'node_modules/only-elsewhere': { version: '1.0.0', optional: true },
    },
  };
}

async function writeLock(version: string): Promise<void> {
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock(version)));
}

function install(env: NodeJS.ProcessEnv = {}): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(folder, 'dev', 'install.mjs')],
      { env: { ...process.env, npm_execpath: join(folder, 'npm-cli.js'), ...env } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : 1, output: stdout + stderr });
      },
    );
  });
}

async function calls(): Promise<number> {
  const text = await readFile(join(folder, 'calls'), 'utf8').catch(() => '');
  return text.split('\n').length - 1;
}

test('a fresh clone is installed once; a second run does nothing and says nothing', async () => {
  const first = await install();
  expect(first).toMatchObject({ code: 0 });
  expect(first.output).toContain('first time here');
  expect(await install()).toEqual({ code: 0, output: '' });
  expect(await calls()).toBe(1);
});

test('a lock file that has changed is installed again', async () => {
  await install();
  await writeLock('2.0.0');
  expect((await install()).output).toContain('the lock file has changed');
  expect(await calls()).toBe(2);
});

test('what a person installed by hand from the same lock file is taken as it is', async () => {
  await mkdir(join(folder, 'node_modules', 'a'), { recursive: true });
  const present = { packages: { 'node_modules/a': { version: '1.0.0' } } };
  await writeFile(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify(present));
  expect(await install()).toEqual({ code: 0, output: '' });
  expect(await calls()).toBe(0);
});

test('what a person installed by hand from another lock file is installed again', async () => {
  await mkdir(join(folder, 'node_modules', 'a'), { recursive: true });
  const present = { packages: { 'node_modules/a': { version: '0.9.0' } } };
  await writeFile(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify(present));
  await install();
  expect(await calls()).toBe(1);
});

test('a failed install gives the cause and one sentence, and is tried again', async () => {
  const failed = await install({ FAKE_NPM_FAILS: '1' });
  expect(failed.code).toBe(1);
  expect(failed.output).toContain('EAI_AGAIN');
  expect(failed.output).toContain('npm could not install the dependencies');
  expect((await install()).code).toBe(0);
  expect(await calls()).toBe(2);
});

test.each(['18.20.1', '20.18.3'])('Node %s hears in one sentence that it is too old', async (version) => {
  const { code, output } = await install({ KESSAI_TEST_NODE_VERSION: version });
  expect(code).toBe(1);
  expect(output).toContain(`Kessai needs Node 20.19 or newer and this is ${version}`);
  expect(await calls()).toBe(0);
});
