import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmod, cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isPortFree } from '../../dev/servers/ports.ts';
import { removeDataDir } from '../../dev/servers/postgres-account.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LEFT_OUT = new Set(['node_modules', '.git', '.kessai', 'dist', 'coverage', 'test']);

export interface Ports {
  readonly PORT: string;
  readonly KESSAI_PG_PORT: string;
  readonly KESSAI_TEMPORAL_PORT: string;
  readonly KESSAI_UI_PORT: string;
  readonly WORKER_METRICS_PORT: string;
  readonly ISSUER_PORT: string;
  readonly PARKING_PORT: string;
  readonly ISSUER_WORKER_PORT: string;
}

/** A copy of this working tree in a folder of its own, to start and to break. */
export interface Clone {
  readonly folder: string;
  readonly ports: Ports;
  /** Runs one of our programs there until it ends, or says what `until` waits for. */
  run(program: string, options?: { until?: string; env?: NodeJS.ProcessEnv }): Promise<Run>;
  remove(): Promise<void>;
}

export interface Run {
  readonly process: ChildProcess;
  output(): string;
  /** Sends a signal to this process alone and gives its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Our environment without what would point a start at other servers. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign =
    /^(DATABASE_URL|TEMPORAL_|KESSAI_|ISSUER_|PARKING_|PORT$|LOG_LEVEL|WORKER_METRICS_PORT|VITEST|NODE_ENV)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

function exited(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', resolve));
}

export async function makeClone(): Promise<Clone> {
  const folder = await mkdtemp(join(tmpdir(), 'kessai-clone-'));
  await chmod(folder, 0o755);
  await cp(root, folder, {
    recursive: true,
    filter: (source) => !LEFT_OUT.has(basename(source)) || source === root,
  });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const taken = new Set<number>();
  // Kept for minutes, so not of those that the system gives to every connection meanwhile.
  const port = async (): Promise<string> => {
    for (;;) {
      const candidate = randomInt(10_000, 30_000);
      if (taken.has(candidate) || !(await isPortFree(candidate))) continue;
      taken.add(candidate);
      return String(candidate);
    }
  };
  const ports: Ports = {
    PORT: await port(),
    KESSAI_PG_PORT: await port(),
    KESSAI_TEMPORAL_PORT: await port(),
    KESSAI_UI_PORT: await port(),
    WORKER_METRICS_PORT: await port(),
    ISSUER_PORT: await port(),
    PARKING_PORT: await port(),
    ISSUER_WORKER_PORT: await port(),
  };
  const runs: ChildProcess[] = [];
  return {
    folder,
    ports,
    async run(program, options = {}) {
      const child = spawn(process.execPath, ['--import', 'tsx', program], {
        cwd: folder,
        env: { ...cleanEnvironment(), ...ports, ...options.env },
        stdio: ['ignore', 'pipe', 'pipe'],
        // As at a terminal: a process group of its own.
        detached: true,
      });
      runs.push(child);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output += chunk.toString();
        });
      }
      while (child.exitCode === null && child.signalCode === null) {
        if (options.until !== undefined && output.includes(options.until)) break;
        await delay(50);
      }
      // What a process said last may arrive after its end.
      if (child.exitCode !== null) await delay(50);
      return {
        process: child,
        output: () => output,
        async end(signal) {
          child.kill(signal);
          return exited(child);
        },
      };
    },
    async remove() {
      for (const child of runs) {
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
        await exited(child);
      }
      await removeDataDir(join(folder, '.kessai', 'postgres'));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The server processes a start has recorded there: part and process number. */
export async function recordedServers(clone: Clone): Promise<{ name: string; pid: number }[]> {
  const text = await readFile(join(clone.folder, '.kessai', 'servers.json'), 'utf8').catch(() => '[]');
  return JSON.parse(text) as { name: string; pid: number }[];
}
