/** How long a step may stay silent before it says that it is still at work. */
const FIRST_SIGN_MS = 2_000;
const HEARTBEAT_MS = 10_000;

/** Tells a person what is being done. Plain lines, so that it reads the same on a terminal and in a log. */
export interface Report {
  note(line: string): void;
  /** Runs `work`, says when it takes long, and how long it took. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
}

function seconds(sinceMs: number): string {
  return `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;
}

function writeLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function createReport(write: (line: string) => void = writeLine): Report {
  // A reader that goes away (`npm start | head`) must not end us before we have stopped our servers.
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => undefined);
  return {
    note: write,
    async step(title, work) {
      const startedMs = Date.now();
      let beat: NodeJS.Timeout | undefined;
      const first = setTimeout(() => {
        write(`  ...   ${title}`);
        beat = setInterval(() => {
          write(`  ...   ${title} (${seconds(startedMs)})`);
        }, HEARTBEAT_MS);
      }, FIRST_SIGN_MS);
      try {
        const result = await work();
        write(`  ok    ${title} (${seconds(startedMs)})`);
        return result;
      } catch (error) {
        write(`  fail  ${title} (${seconds(startedMs)})`);
        throw error;
      } finally {
        clearTimeout(first);
        clearInterval(beat);
      }
    },
  };
}

/** Says nothing; for callers that report in their own way. */
export const silentReport: Report = {
  note: () => undefined,
  step: (_title, work) => work(),
};
