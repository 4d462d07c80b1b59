import { createServer } from 'node:net';
import { SetupProblem } from '../setup-problem.ts';

/** True when nobody listens on this TCP port of the loopback address. */
export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else if (error.code === 'EACCES') resolve(false);
      else if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT') resolve(true);
      else reject(error);
    });
    probe.listen({ port, host, exclusive: true }, () =>
      probe.close(() => {
        resolve(true);
      }),
    );
  });
}

/** A port nobody uses now. Another process may take it before its user does: such a start is to be tried again. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = probe.address();
      probe.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('The system gave no port.'));
      });
    });
  });
}

export interface WantedPort {
  /** What will listen there, for the sentence a person reads. */
  readonly what: string;
  readonly port: number;
  /** The environment variable that chooses another one. */
  readonly variable: string;
}

/** Reads a port number from the environment. */
export function portFromEnvironment(variable: string, fallback: number): number {
  const text = process.env[variable];
  if (text === undefined || text === '') return fallback;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new SetupProblem(
    `${variable}=${text} is not a port number: give one from 1 to 65535, or unset it for ${fallback}.`,
  );
}

/**
 * Refuses with one sentence when a wanted port is taken, on IPv4 or IPv6 (a server that listens on every
 * address may hold only the other one), or wanted twice.
 */
export async function requireFreePorts(wanted: readonly WantedPort[]): Promise<void> {
  const seen = new Map<number, WantedPort>();
  for (const entry of wanted) {
    const twin = seen.get(entry.port);
    if (twin !== undefined) {
      throw new SetupProblem(
        `Port ${entry.port} is wanted by both ${twin.what} (${twin.variable}) and ${entry.what} (${entry.variable}): change one.`,
      );
    }
    seen.set(entry.port, entry);
  }
  for (const { what, port, variable } of wanted) {
    const free = (await isPortFree(port)) && (await isPortFree(port, '::'));
    if (!free) {
      throw new SetupProblem(
        `Port ${port}, wanted for ${what}, is in use: stop what listens there, or choose another one with ${variable}=NUMBER.`,
      );
    }
  }
}
