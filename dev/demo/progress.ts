const TTY_EVERY_MS = 150;
const LOG_EVERY_MS = 3_000;

export interface Progress {
  /** Shows the state for the last time and ends the line. */
  readonly stop: () => void;
}

/** Shows how far a run is: one line that is rewritten on a terminal, a line every few seconds in a log. */
export function showProgress(describe: () => string): Progress {
  const isTerminal = process.stdout.isTTY;
  const write = (): void => {
    if (isTerminal) process.stdout.write(`\r\u001b[2K  ${describe()}`);
    else process.stdout.write(`  ${describe()}\n`);
  };
  const timer = setInterval(write, isTerminal ? TTY_EVERY_MS : LOG_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      write();
      if (isTerminal) process.stdout.write('\n');
    },
  };
}
