import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from '../shared/database.ts';
import { findKessai, recordResult, takeMessage, type Kessai, type Message, type Result } from './messages.ts';

export interface DelivererOptions {
  readonly pool: Pool;
  readonly onError: (error: unknown) => void;
  /** The longest time between two tries of a message. */
  readonly maxDelayMs?: number;
}

const TRY_TIMEOUT_MS = 5_000;
const LEASE_MS = 15_000;
const FIRST_DELAY_MS = 500;
const DEFAULT_MAX_DELAY_MS = 60_000;
const LOOK_EVERY_MS = 200;

/** What another try cannot make better. */
const REFUSALS: readonly number[] = [400, 409, 413, 415, 422];

/** Brings messages to Kessai until each is accepted or refused; a subject's messages arrive one after another. */
export function startDeliverer(it: DelivererOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const ended = run(it, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function run({ pool, onError, maxDelayMs }: DelivererOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const kessai = await findKessai(pool);
      const message = kessai === undefined ? undefined : await takeMessage(pool, LEASE_MS);
      if (kessai !== undefined && message !== undefined) {
        await recordResult(
          pool,
          message.messageId,
          await deliver(kessai, message, maxDelayMs ?? DEFAULT_MAX_DELAY_MS),
        );
        continue;
      }
    } catch (error) {
      // Its lease ends, and it is taken again.
      onError(error);
    }
    await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function deliver(kessai: Kessai, message: Message, maxDelayMs: number): Promise<Result> {
  const later = (why: string): Result => ({
    kind: 'LATER',
    why,
    delayMs: Math.min(FIRST_DELAY_MS * 2 ** Math.min(message.attempts - 1, 20), maxDelayMs),
  });
  try {
    const response = await fetch(kessai.baseUrl + message.path, {
      method: message.method,
      redirect: 'manual',
      headers: { authorization: `Bearer ${kessai.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(message.body),
      signal: AbortSignal.timeout(TRY_TIMEOUT_MS),
    });
    const text = (await response.text()).slice(0, 500);
    if (response.ok) return { kind: 'ACCEPTED' };
    const why = `${response.status} ${text}`;
    return REFUSALS.includes(response.status) ? { kind: 'REFUSED', why } : later(why);
  } catch (error) {
    return later(error instanceof Error ? error.message : 'no answer');
  }
}
