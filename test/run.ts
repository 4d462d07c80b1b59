import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand, type CommandResult } from '../dev/servers/commands.ts';
import type { SourceFaults } from './check-sources.ts';
import { readVitestReport, type Tally } from './support/tally.ts';

/**
 * `npm test`: type check, lint and format check (each counts as one), beside them all tests; its last line says how many
 * passed and failed. With arguments (`npm test -- test/domain`) they go to Vitest and only those tests run.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const tool = (path: string): string => join(root, 'node_modules', path);
const CHECK_TIMEOUT_MS = 30 * 60_000;

function environment(): NodeJS.ProcessEnv {
  const plain = process.env.CI === 'true' || !process.stdout.isTTY;
  const { FORCE_COLOR: _, ...rest } = process.env;
  return plain ? { ...rest, NO_COLOR: '1' } : process.env;
}

/** @returns what is wrong by check; an empty text where nothing is */
async function checkSources(): Promise<Record<string, string>> {
  const { code, output } = await runCheck(['--import', 'tsx', 'test/check-sources.ts']);
  if (code !== 0) return { 'Type check': output, Lint: 'did not run' };
  const { types, lint } = JSON.parse(output) as SourceFaults;
  return { 'Type check': types, Lint: lint };
}

async function checkFormat(): Promise<Record<string, string>> {
  const { code, output } = await runCheck([tool('prettier/bin/prettier.cjs'), '--check', '.']);
  return { 'Format check': code === 0 ? '' : output };
}

function runCheck(args: readonly string[]): Promise<CommandResult> {
  return runCommand(process.execPath, ['--max-semi-space-size=128', ...args], {
    cwd: root,
    timeoutMs: CHECK_TIMEOUT_MS,
    env: { ...environment(), NO_COLOR: '1' },
    // They take what the tests leave.
    priority: constants.priority.PRIORITY_LOW,
  });
}

/** Says when each has ended, in a line among those of the tests. */
async function runChecks(): Promise<Tally> {
  const beganMs = Date.now();
  const failures: string[] = [];
  let passed = 0;
  const checks = [checkSources(), checkFormat()].map(async (check) => {
    for (const [title, fault] of Object.entries(await check)) {
      const took = `${((Date.now() - beganMs) / 1000).toFixed(1)} s`;
      console.log(fault === '' ? `  ok    ${title} (${took})` : `  fail  ${title} (${took})`);
      if (fault === '') passed += 1;
      else failures.push(`${title}\n${fault.trim()}`);
    }
  });
  await Promise.all(checks);
  return { passed, failed: failures.length, skipped: 0, failures };
}

/** Runs Vitest on our terminal; its exit code tells of errors outside of any test, too. */
function runVitest(args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [tool('vitest/vitest.mjs'), 'run', ...args], {
      cwd: root,
      stdio: 'inherit',
      env: environment(),
    });
    child.on('error', () => {
      resolve(1);
    });
    child.on('exit', (code) => {
      resolve(code ?? 1);
    });
  });
}

async function runTests(args: readonly string[]): Promise<Tally> {
  const folder = await mkdtemp(join(tmpdir(), 'kessai-report-'));
  try {
    const file = join(folder, 'report.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const code = await runVitest([...reporters, ...args]);
    const report = await readFile(file, 'utf8').catch(() => undefined);
    return readVitestReport(report, code, root);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// A Ctrl-C reaches Vitest as well, which stops its servers; we wait for it and then give the sum.
process.on('SIGINT', () => undefined);

const args = process.argv.slice(2);
const startedMs = Date.now();
const tallies = await Promise.all(args.length === 0 ? [runChecks(), runTests([])] : [runTests(args)]);
const sum = (key: 'passed' | 'failed' | 'skipped'): number =>
  tallies.reduce((total, tally) => total + tally[key], 0);
const failures = tallies.flatMap((tally) => tally.failures);
if (failures.length > 0) console.log(`\nWhat failed:\n\n${failures.join('\n\n')}`);
console.log(`\n${((Date.now() - startedMs) / 1000).toFixed(0)} s`);
process.exitCode = sum('failed') > 0 ? 1 : 0;
console.log(
  `${sum('passed')} passed, ${sum('failed')} failed${sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : ''}`,
);
