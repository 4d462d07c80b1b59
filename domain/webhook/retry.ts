/**
 * When a failed webhook delivery is tried again (Standard Webhooks: exponential back-off with jitter for at
 * least 24 hours, 16 tries or more). Pure: the caller brings the random number.
 */
export interface WebhookRetryPolicy {
  readonly firstDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
  /** A delay is drawn from `delay x (1 ± jitter)`, so receivers that fell over together are not hit together. */
  readonly jitter: number;
  /** No try starts later than this after the first. */
  readonly giveUpAfterMs: number;
}

const HOUR_MS = 3_600_000;

/** 5 s, 10 s, 20 s ... up to 4 h: 12 tries in the first 3 hours, 29 within three days. */
export const WEBHOOK_RETRY: WebhookRetryPolicy = {
  firstDelayMs: 5_000,
  factor: 2,
  maxDelayMs: 4 * HOUR_MS,
  jitter: 0.2,
  giveUpAfterMs: 72 * HOUR_MS,
};

/**
 * Delay before the next try, in milliseconds, or undefined if it would come too late.
 * @param triesDone tries made so far, at least 1
 * @param sinceFirstMs time since the first try was due
 * @param random uniform in [0, 1)
 * @param retryAfterMs what the receiver's Retry-After asked for; it can lengthen the delay, never shorten it
 */
export function webhookRetryDelayMs(
  policy: WebhookRetryPolicy,
  it: { triesDone: number; sinceFirstMs: number; random: number; retryAfterMs?: number | undefined },
): number | undefined {
  const exponent = Math.min(it.triesDone - 1, 40);
  const plain = Math.min(policy.firstDelayMs * policy.factor ** exponent, policy.maxDelayMs);
  const spread = plain * (1 + policy.jitter * (2 * it.random - 1));
  const asked = Math.min(Math.max(0, it.retryAfterMs ?? 0), policy.maxDelayMs);
  const delayMs = Math.round(Math.max(spread, asked));
  return it.sinceFirstMs + delayMs > policy.giveUpAfterMs ? undefined : delayMs;
}
