import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runCommand, type CommandResult } from '../../dev/servers/commands.ts';
import { root } from './compose-file.ts';

const BUILD_TIMEOUT_MS = 120_000;
const COMMAND_TIMEOUT_MS = 60_000;

export interface Program {
  readonly process: ChildProcess;
  output(): string;
  hasEnded(): boolean;
  /** Sends SIGTERM, as Docker does, and gives the exit code; null when a signal ended it. */
  stop(): Promise<number | null>;
}

/** What the image holds: `dist/`, `package.json` and production dependencies, in a folder away from the sources. */
export interface Installation {
  readonly folder: string;
  /** Runs a program, e.g. `dist/db/migrate-main.js`, to its end. */
  run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult>;
  start(args: readonly string[], env: NodeJS.ProcessEnv): Program;
  remove(): Promise<void>;
}

/** What a container gives a process, and nothing of ours. */
function containerEnvironment(folder: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: folder, NODE_ENV: 'production', ...env };
}

/**
 * Only the packages that package.json names as dependencies: an import of anything else, be it for development or of a
 * dependency's own, does not resolve here.
 */
async function linkProductionDependencies(folder: string): Promise<void> {
  const text = await readFile(join(root, 'package.json'), 'utf8');
  const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(root, 'node_modules', name), link);
  }
}

export async function build(out: string, from = root): Promise<CommandResult> {
  return runCommand(process.execPath, ['--import', 'tsx', 'dev/build.ts', '--out', out], {
    cwd: from,
    timeoutMs: BUILD_TIMEOUT_MS,
  });
}

export async function install(): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'kessai-image-'));
  await chmod(folder, 0o755);
  await cp(join(root, 'package.json'), join(folder, 'package.json'));
  await linkProductionDependencies(folder);
  const built = await build(join(folder, 'dist'));
  if (built.code !== 0) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(built.output);
  }
  const programs: Program[] = [];
  return {
    folder,
    run: (args, env) =>
      runCommand(process.execPath, args, {
        cwd: folder,
        env: containerEnvironment(folder, env),
        timeoutMs: COMMAND_TIMEOUT_MS,
      }),
    start(args, env) {
      const program = startProgram(folder, args, env);
      programs.push(program);
      return program;
    },
    async remove() {
      for (const program of programs) {
        if (!program.hasEnded()) program.process.kill('SIGKILL');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function startProgram(folder: string, args: readonly string[], env: NodeJS.ProcessEnv): Program {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: containerEnvironment(folder, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    process: child,
    output: () => output,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
