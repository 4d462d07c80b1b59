import { setTimeout as sleep } from 'node:timers/promises';

/** Who speaks to which API. Without a key it is a stranger. */
export interface Caller {
  readonly baseUrl: string;
  readonly key: string | undefined;
  readonly trouble: Trouble;
}

/** What went wrong on the way and was got over by asking again. */
export interface Trouble {
  connectionLost: number;
  unavailable: number;
  rateLimited: number;
  inProgress: number;
}

export function noTrouble(): Trouble {
  return { connectionLost: 0, unavailable: 0, rateLimited: 0, inProgress: 0 };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  /** How often it was sent until it was answered: 1 when nothing went wrong. */
  readonly tries: number;
}

/** Nobody answered for too long; what has become of the request is not known. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp';
}

/** Long enough for a restart of the API or the worker, short enough that a run ends. */
export const GIVE_UP_MS = 60_000;
const ONE_TRY_MS = 10_000;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Asks until there is an answer: a lost connection, 5xx and 429 are asked again with the same body, as a till does.
 * @throws GaveUp after a minute without an answer
 */
export async function ask(caller: Caller, method: string, path: string, body?: unknown): Promise<Answer> {
  const startedMs = Date.now();
  for (let tries = 1; ; tries += 1) {
    const result = await send(caller, method, path, body);
    if (typeof result !== 'string' && result.status < 500 && result.status !== 429) {
      return { ...result, tries };
    }
    note(caller.trouble, result);
    const pauseMs = pauseBefore(result, tries);
    if (Date.now() + pauseMs - startedMs > GIVE_UP_MS) {
      const last = typeof result === 'string' ? result : `status ${result.status}`;
      throw new GaveUp(
        `${method} ${path} had no answer for ${GIVE_UP_MS / 1000} s and ${tries} tries (last: ${last})`,
      );
    }
    await sleep(pauseMs);
  }
}

/** As `ask`, where only one status is right. @throws Error with the answer if it is another one */
export async function demand(
  caller: Caller,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const answer = await ask(caller, method, path, body);
  if (answer.status >= 300) {
    throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
  return answer.body as Record<string, unknown>;
}

function note(trouble: Trouble, result: Omit<Answer, 'tries'> | string): void {
  if (typeof result === 'string') trouble.connectionLost += 1;
  else if (result.status === 429) trouble.rateLimited += 1;
  else trouble.unavailable += 1;
}

/** The server's Retry-After if there is one, else longer from try to try. */
function pauseBefore(result: Omit<Answer, 'tries'> | string, tries: number): number {
  const asked = typeof result === 'string' ? NaN : Number(result.headers.get('retry-after') ?? NaN);
  if (!Number.isNaN(asked)) return Math.min(asked * 1_000, 15_000);
  return Math.min(100 * 2 ** tries, LONGEST_PAUSE_MS);
}

/** One try; a string says why there was no answer. */
async function send(
  caller: Caller,
  method: string,
  path: string,
  body: unknown,
): Promise<Omit<Answer, 'tries'> | string> {
  try {
    const response = await fetch(caller.baseUrl + path, {
      method,
      headers: {
        ...(caller.key === undefined ? {} : { authorization: `Bearer ${caller.key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ONE_TRY_MS),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message;
    return String(cause);
  }
}
