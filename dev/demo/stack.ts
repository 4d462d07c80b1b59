import { readFile } from 'node:fs/promises';
import type { SeededOperator } from '../seed-parking.ts';
import type { DevStack } from '../seed.ts';
import { SetupProblem } from '../setup-problem.ts';
import { paths } from '../stack/folders.ts';

/** What the demo needs of `dev.json`. */
export interface Stack {
  readonly baseUrl: string;
  readonly databaseUrl: string;
  readonly adminKey: string;
  /** Where an operator reaches the workflows; undefined if `dev.json` does not say. */
  readonly temporal:
    { readonly address: string; readonly namespace: string; readonly ui?: string | undefined } | undefined;
  /** The reference issuer; undefined if there is none beside the stack. */
  readonly issuer: StackIssuer | undefined;
  /** The reference parking operator, likewise. */
  readonly parking: StackParking | undefined;
}

export interface StackIssuer {
  readonly issuerId: string;
  readonly baseUrl: string;
  readonly adminKey: string;
}

export interface StackParking {
  /** Of the reference server, with the key of its own staff. */
  readonly baseUrl: string;
  readonly adminKey: string;
  /** The operator whose server that is. */
  readonly server: SeededOperator;
  /** One without a server. */
  readonly noServer: SeededOperator;
}

/**
 * Finds the running stack.
 * @throws SetupProblem with one sentence if there is none
 */
export async function findStack(): Promise<Stack> {
  const file = process.env.KESSAI_DEV_JSON ?? paths.dev;
  const stack = await readStack(file);
  const answer = await fetch(`${stack.baseUrl}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(
    () => undefined,
  );
  await answer?.body?.cancel();
  if (answer === undefined) {
    throw new SetupProblem(
      `No answer from ${stack.baseUrl}: the stack is not running, start it with npm start and try again.`,
    );
  }
  if (!answer.ok) {
    throw new SetupProblem(
      `The stack at ${stack.baseUrl} is not ready (Postgres or Temporal is away): see its terminal or .kessai/logs.`,
    );
  }
  return stack;
}

async function readStack(file: string): Promise<Stack> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new SetupProblem(
      `There is no ${file}: the stack is not running, start it with npm start and try again.`,
    );
  }
  let dev: Partial<DevStack>;
  try {
    dev = JSON.parse(text) as Partial<DevStack>;
  } catch {
    throw new SetupProblem(`${file} is not JSON: start the stack again with npm start.`);
  }
  const { baseUrl, databaseUrl, keys } = dev;
  if (baseUrl === undefined || databaseUrl === undefined || keys === undefined) {
    throw new SetupProblem(`${file} is not whole: start the stack again with npm start.`);
  }
  return {
    baseUrl,
    databaseUrl,
    adminKey: keys.admin,
    temporal: dev.temporal,
    issuer: issuerOf(dev),
    parking: parkingOf(dev),
  };
}

function parkingOf({ operatorId, parkingOperators, partners }: Partial<DevStack>): StackParking | undefined {
  const { parking: baseUrl, parkingAdminKey: adminKey } = partners ?? {};
  const server = parkingOperators?.find((it) => it.operatorId === operatorId);
  const noServer = parkingOperators?.find((it) => it.operatorId !== operatorId);
  if (baseUrl === undefined || adminKey === undefined) return undefined;
  return server === undefined || noServer === undefined ? undefined : { baseUrl, adminKey, server, noServer };
}

function issuerOf({ issuerId, partners }: Partial<DevStack>): StackIssuer | undefined {
  const { issuer: baseUrl, issuerAdminKey: adminKey } = partners ?? {};
  if (issuerId === undefined || baseUrl === undefined || adminKey === undefined) return undefined;
  return { issuerId, baseUrl, adminKey };
}
