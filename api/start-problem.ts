import { inspect } from 'node:util';

/** Programs that are started. */
export type Program = 'API' | 'worker';

/** Why a program cannot start, for whoever starts it to put right. Its message is one sentence, to be printed alone. */
export class StartProblem extends Error {
  override readonly name = 'StartProblem';

  constructor(program: Program, why: string) {
    super(`The ${program} cannot start: ${why}.`);
  }
}

/** What an error says, on one line. */
export function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // The SDK's core wraps what the system says: `…Os { code: 111, kind: …, message: "Connection refused" }…`.
  const inner = /\bmessage: "([^"]+)"/.exec(text)?.[1] ?? text;
  return inner.trim().replace(/\s+/g, ' ').replace(/\.$/, '');
}

/** A port that cannot be had. `variable` chooses another one. */
export function listenProblem(
  program: Program,
  error: unknown,
  { host, port, variable }: { host: string; port: number; variable: string },
): StartProblem {
  const code = (error as NodeJS.ErrnoException).code;
  return new StartProblem(
    program,
    code === 'EADDRINUSE'
      ? `port ${port} is in use; set ${variable} to a free one`
      : `it cannot listen on ${host}, port ${port} (${reason(error)}); set HOST and ${variable}`,
  );
}

/** Ends the process with 1: a start problem with its sentence alone, what nobody planned with its stack. */
export function endWith(error: unknown): never {
  process.stderr.write(`${error instanceof StartProblem ? error.message : inspect(error)}\n`);
  process.exit(1);
}
