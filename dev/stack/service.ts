import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '../report.ts';
import { hasExited, killGroup, logTail, spawnServer, stopServer } from '../servers/processes.ts';
import { SetupProblem } from '../setup-problem.ts';
import { root } from './folders.ts';

const READY_TIMEOUT_MS = 90_000;
/** Longer than the worker's and the API's own time for what they have begun. */
const STOP_GRACE_MS = 15_000;
const MAX_RESTARTS_A_MINUTE = 5;

export interface ServiceOptions {
  /** `worker`, `API` or a partner's name, as a person reads it. */
  readonly name: string;
  /** Its program, relative to the repository. */
  readonly entry: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** Answers 200 once it can work. */
  readonly readyUrl: string;
  readonly report: Report;
  /** Hears of every process started, also of restarts. */
  readonly onSpawn: (child: ChildProcess) => void;
  /** It ends again and again: the stack cannot go on. */
  readonly onGiveUp: (problem: SetupProblem) => void;
}

export interface Service {
  stop(): Promise<void>;
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

async function waitUntilReady(child: ChildProcess, url: string): Promise<boolean> {
  const deadlineMs = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadlineMs) {
    if (hasExited(child)) return false;
    if (await isReady(url)) return true;
    await delay(100);
  }
  return false;
}

/**
 * Starts one of our own programs, waits until it is ready, and starts it again when it ends by itself: a crash of
 * one process must not take the stack down, and one that ends at once must not be restarted for ever.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { name, report } = options;
  let stopping = false;
  let child: ChildProcess;
  const restartsMs: number[] = [];

  const launch = (): ChildProcess => {
    const started = spawnServer(process.execPath, ['--import', 'tsx', join(root, options.entry)], {
      logFile: options.logFile,
      env: options.env,
      cwd: root,
    });
    options.onSpawn(started);
    return started;
  };
  const problem = async (what: string): Promise<SetupProblem> =>
    new SetupProblem(`${what} Its log ${options.logFile} ends with:\n${await logTail(options.logFile)}`);

  const revive = async (how: string): Promise<void> => {
    const nowMs = Date.now();
    restartsMs.push(nowMs);
    const recent = restartsMs.filter((atMs) => atMs > nowMs - 60_000).length;
    if (recent > MAX_RESTARTS_A_MINUTE) {
      options.onGiveUp(await problem(`The ${name} ended ${recent} times within a minute.`));
      return;
    }
    report.note(`  ...   the ${name} ended (${how}): starting it again`);
    await delay(300);
    if (stopping) return;
    child = launch();
    watch(child);
    if (await waitUntilReady(child, options.readyUrl)) report.note(`  ok    the ${name} is back`);
  };
  const watch = (watched: ChildProcess): void => {
    if (hasExited(watched)) void revive('at once');
    watched.once('exit', (code, signal) => {
      if (!stopping) void revive(signal ?? `code ${code ?? '?'}`);
    });
  };

  child = launch();
  if (!(await waitUntilReady(child, options.readyUrl))) {
    const ended = hasExited(child);
    killGroup(child.pid);
    throw await problem(ended ? `The ${name} ended at its start.` : `The ${name} is not ready after 90 s.`);
  }
  watch(child);
  return {
    stop() {
      stopping = true;
      return stopServer(child, 'SIGTERM', STOP_GRACE_MS);
    },
  };
}
