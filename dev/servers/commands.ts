import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { setPriority } from 'node:os';
import { delimiter, join } from 'node:path';
import { access, constants } from 'node:fs/promises';

export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly timeoutMs: number;
  /** Where both outputs go; else they are only returned. */
  readonly logFile?: string;
  readonly signal?: AbortSignal;
  /** As in `os.setPriority`: a positive number lets others go first. */
  readonly priority?: number;
}

export interface CommandResult {
  /** The exit code; undefined when the command could not run, was ended or took too long. */
  readonly code: number | undefined;
  readonly output: string;
}

/** Runs a command to its end. A failure is a value: callers try the next way. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
      windowsHide: true,
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (options.priority !== undefined && child.pid !== undefined) setPriority(child.pid, options.priority);
    const log =
      options.logFile === undefined ? undefined : createWriteStream(options.logFile, { flags: 'a' });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output += chunk.toString();
      log?.write(chunk);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const finish = (code: number | undefined): void => {
      log?.end();
      resolve({ code, output });
    };
    child.on('error', () => {
      finish(undefined);
    });
    child.on('close', (code) => {
      finish(code ?? undefined);
    });
  });
}

/** The path of a command on PATH, if it is there. */
export async function findOnPath(name: string): Promise<string | undefined> {
  const names = process.platform === 'win32' ? [`${name}.exe`, `${name}.cmd`] : [name];
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    for (const candidate of names) {
      const path = join(folder, candidate);
      const runnable = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (runnable) return path;
    }
  }
  return undefined;
}

export function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
