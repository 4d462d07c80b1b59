import type { ChildProcess } from 'node:child_process';
import type { Report } from '../report.ts';
import { hasExited } from '../servers/processes.ts';
import type { ServerRegistry } from '../servers/registry.ts';
import type { SetupProblem } from '../setup-problem.ts';

/** What needs others goes first. */
const STOP_ORDER = [
  'API',
  'worker',
  'bench worker',
  'issuer worker',
  'issuer',
  'parking',
  'Temporal',
  'Postgres',
] as const;
export type Part = (typeof STOP_ORDER)[number];

/** npm passes a Ctrl-C on although the terminal has sent it to us already: two so close together are one. */
const SAME_SIGNAL_MS = 1_000;

export interface Lifecycle {
  /** Registers how to stop a part. */
  onStop(part: Part, stop: () => Promise<void>): void;
  /** Remembers a child process, so that whatever happens it does not outlive us. */
  adopt(part: Part, child: ChildProcess): void;
  /** A server the stack cannot do without: when it ends, all ends. */
  guard(part: Part, child: ChildProcess, logFile: string): void;
  /** Stops everything in order and ends this process. */
  shutDown(exitCode: number, why?: string): Promise<void>;
  /** True once everything is being stopped: failures of what was still starting are then no news. */
  isStopping(): boolean;
}

/** Stops on Ctrl-C, SIGTERM and a closed terminal; a second Ctrl-C ends our children at once. */
export function createLifecycle(
  report: Report,
  registry: ServerRegistry,
  releaseClone: () => Promise<void>,
): Lifecycle {
  const stops = new Map<Part, () => Promise<void>>();
  let stopping: Promise<void> | undefined;
  let firstSignalMs = 0;

  const stopAll = async (exitCode: number, why: string | undefined): Promise<void> => {
    if (why !== undefined) report.note(`\n${why}`);
    for (const part of STOP_ORDER) {
      const stop = stops.get(part);
      if (stop === undefined) continue;
      await report.step(`stop ${part}`, stop).catch((error: unknown) => {
        report.note(`  fail  ${part}: ${String(error)}`);
      });
    }
    registry.killAll();
    await registry.clear();
    await releaseClone();
    process.exit(exitCode);
  };
  const shutDown = (exitCode: number, why?: string): Promise<void> => (stopping ??= stopAll(exitCode, why));

  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping === undefined) {
      firstSignalMs = Date.now();
      void shutDown(
        signal === 'SIGINT' ? 130 : 143,
        'Stopping (Ctrl-C once more ends everything at once) ...',
      );
    } else if (Date.now() - firstSignalMs > SAME_SIGNAL_MS) {
      registry.killAll();
      process.exit(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  // A fault of ours must not leave servers behind.
  for (const fault of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(fault, (error: unknown) => {
      void shutDown(1, error instanceof Error ? (error.stack ?? error.message) : String(error));
    });
  }
  process.on('exit', () => {
    registry.killAll();
  });

  return {
    onStop(part, stop) {
      stops.set(part, stop);
    },
    adopt(part, child) {
      void registry.add(part, child.pid);
      child.once('exit', () => {
        registry.remove(child.pid);
      });
    },
    guard(part, child, logFile) {
      const tell = (): void => {
        void shutDown(1, `${part} ended unexpectedly, so everything stops; its log is ${logFile}.`);
      };
      if (hasExited(child)) tell();
      child.once('exit', tell);
    },
    shutDown,
    isStopping: () => stopping !== undefined,
  };
}

/** What a person reads when the stack cannot go on. */
export function sentence(problem: SetupProblem | Error): string {
  return problem.name === 'SetupProblem' ? problem.message : (problem.stack ?? problem.message);
}
