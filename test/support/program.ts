import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** One of our programs in a process of its own, to be killed and started again. */
export interface Program {
  /** `kill -9`, and starts it again at once. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
  /** What it has printed, over all its lives. */
  output(): string;
}

export function startProgram(entry: string, env: NodeJS.ProcessEnv): Program {
  let output = '';
  let child = launch();

  function launch(): ChildProcess {
    const fresh = spawn(process.execPath, ['--import', 'tsx', entry], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    fresh.stdout.on('data', keep);
    fresh.stderr.on('data', keep);
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
    output: () => output,
  };
}
