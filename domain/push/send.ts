const HOUR_MS = 3_600_000;

/** So long a push service keeps a message for a phone that is off. */
export const PUSH_TTL_MS = { DUNNING: 72 * HOUR_MS, PAYMENT: 24 * HOUR_MS } as const;

/** When a service that could not take a message is asked again: 10 s, 20 s … up to 1 h, each 20 % more or less by chance. */
export const PUSH_RETRY = { firstDelayMs: 10_000, factor: 2, maxDelayMs: HOUR_MS, jitter: 0.2 } as const;

/** What a service answered to a try; no status if it did not. */
export interface PushTry {
  readonly statusCode?: number | undefined;
  /** From `Retry-After`. */
  readonly retryAfterMs?: number | undefined;
  /** Tries made so far, this one too. */
  readonly triesDone: number;
  /** It was sent without its body already. */
  readonly isShort: boolean;
  readonly nowMs: number;
  /** When the message is of no use any more. */
  readonly untilMs: number;
  /** Uniform in [0, 1). */
  readonly random: number;
}

export type PushReaction =
  /** The service has it; whether a phone ever shows it is another matter. */
  | { readonly kind: 'ACCEPTED' }
  /** The subscription has ended. */
  | { readonly kind: 'GONE' }
  /** Too long: at once again, shorter. */
  | { readonly kind: 'SHORTEN' }
  | { readonly kind: 'RETRY'; readonly delayMs: number }
  /** The next try would come too late. */
  | { readonly kind: 'EXPIRED' }
  /** The service takes it in no way. */
  | { readonly kind: 'REFUSED' };

/** What follows from a push service's answer (RFC 8030 sections 5 and 8.4): `Retry-After` makes a pause longer, never shorter. */
export function pushReaction(it: PushTry): PushReaction {
  const { statusCode } = it;
  if (statusCode === undefined || statusCode === 429 || statusCode >= 500) return retry(it);
  if (statusCode >= 200 && statusCode < 300) return { kind: 'ACCEPTED' };
  if (statusCode === 404 || statusCode === 410) return { kind: 'GONE' };
  if (statusCode === 413 && !it.isShort) return { kind: 'SHORTEN' };
  return { kind: 'REFUSED' };
}

function retry({ triesDone, random, retryAfterMs = 0, nowMs, untilMs }: PushTry): PushReaction {
  const { firstDelayMs, factor, maxDelayMs, jitter } = PUSH_RETRY;
  const plain = Math.min(firstDelayMs * factor ** Math.min(triesDone - 1, 40), maxDelayMs);
  const delayMs = Math.round(Math.max(plain * (1 + jitter * (2 * random - 1)), retryAfterMs));
  return nowMs + delayMs >= untilMs ? { kind: 'EXPIRED' } : { kind: 'RETRY', delayMs };
}
