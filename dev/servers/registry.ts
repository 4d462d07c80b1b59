import { renameSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { isAlive, killGroup, processIdentity } from './processes.ts';
import { setTimeout as delay } from 'node:timers/promises';

/** A server of ours, told from a later process with the same number by its start time. */
interface Entry {
  readonly name: string;
  readonly pid: number;
  readonly identity: string;
}

/**
 * Remembers in a file which servers we started. When we are ended by `kill -9` they go on without us; the next
 * start ends exactly those, and nothing else.
 */
export class ServerRegistry {
  private entries: Entry[] = [];
  private readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  async add(name: string, pid: number | undefined): Promise<void> {
    if (pid === undefined) return;
    const identity = await processIdentity(pid);
    if (identity === undefined) return;
    this.entries = [...this.entries.filter((entry) => entry.name !== name), { name, pid, identity }];
    this.save();
  }

  /** Forgets a server that has ended: its number may be another process's next. */
  remove(pid: number | undefined): void {
    if (!this.entries.some((entry) => entry.pid === pid)) return;
    this.entries = this.entries.filter((entry) => entry.pid !== pid);
    this.save();
  }

  /** Ends all at once, without waiting: the last resort when we have to go. */
  killAll(): void {
    for (const { pid } of this.entries) killGroup(pid);
  }

  async clear(): Promise<void> {
    this.entries = [];
    await rm(this.file, { force: true });
  }

  /** At once and whole: servers come and go side by side, and each change must reach the file in its order. */
  private save(): void {
    const fresh = `${this.file}.new`;
    writeFileSync(fresh, JSON.stringify(this.entries), { mode: 0o600 });
    renameSync(fresh, this.file);
  }
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Partial<Record<keyof Entry, unknown>>;
  return typeof entry.name === 'string' && Number.isInteger(entry.pid) && typeof entry.identity === 'string';
}

async function readEntries(file: string): Promise<Entry[]> {
  const text = await readFile(file, 'utf8').catch(() => '[]');
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter(isEntry) : [];
  } catch {
    return [];
  }
}

/**
 * Ends servers that an earlier start left behind, last started first, and returns their names.
 * The caller has made sure that the earlier start itself is gone.
 */
export async function endLeftBehind(file: string): Promise<string[]> {
  const ended: string[] = [];
  for (const { name, pid, identity } of (await readEntries(file)).reverse()) {
    if ((await processIdentity(pid)) !== identity) continue;
    process.kill(pid, name.toLowerCase() === 'postgres' ? 'SIGINT' : 'SIGTERM');
    const deadlineMs = Date.now() + 10_000;
    while (isAlive(pid) && (await processIdentity(pid)) === identity) {
      if (Date.now() > deadlineMs) killGroup(pid);
      await delay(50);
    }
    ended.push(name);
  }
  await rm(file, { force: true });
  return ended;
}
