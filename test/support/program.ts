import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** One of our programs in a process of its own, to be killed and started again. */
export interface Program {
  /** `kill -9`, and starts it again at once. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
  /** Sends a signal and does not wait. */
  signal(name: NodeJS.Signals): void;
  /** How it ended, once it has and its output is complete; `null` by a signal. */
  exitCode(): Promise<number | null>;
  /** What it has printed, over all its lives. */
  output(): string;
  /** Of that, what went to stderr. */
  errors(): string;
}

/** The JavaScript of a program, e.g. of `db/reseal-main.ts`, as plain `node` runs it; compiled once for the run. */
export function compiled(entry: string): string {
  return join(inject('programsFolder'), entry.replace(/\.ts$/, '.js'));
}

export function startProgram(entry: string, env: NodeJS.ProcessEnv): Program {
  let output = '';
  let errors = '';
  let child = launch();

  function launch(): ChildProcess {
    const fresh = spawn(process.execPath, [compiled(entry)], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    fresh.stdout.on('data', keep);
    fresh.stderr.on('data', (chunk: Buffer) => {
      keep(chunk);
      errors += chunk.toString();
    });
    return fresh;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }

  return {
    async killAndRestart() {
      await end('SIGKILL');
      child = launch();
    },
    stop: () => end('SIGKILL'),
    signal(name) {
      child.kill(name);
    },
    async exitCode() {
      const isClosed = child.stdout?.closed === true && child.stderr?.closed === true;
      if (!isClosed || (child.exitCode === null && child.signalCode === null)) await once(child, 'close');
      return child.exitCode;
    },
    output: () => output,
    errors: () => errors,
  };
}
