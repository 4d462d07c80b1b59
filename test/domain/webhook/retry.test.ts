import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WEBHOOK_RETRY, webhookRetryDelayMs } from '../../../domain/webhook/retry.ts';

const HOUR_MS = 3_600_000;
const withoutJitter = (triesDone: number, retryAfterMs?: number): number | undefined =>
  webhookRetryDelayMs(WEBHOOK_RETRY, { triesDone, sinceFirstMs: 0, random: 0.5, retryAfterMs });

describe('webhook retries', () => {
  it('back off from five seconds to four hours', () => {
    expect([1, 2, 3, 4].map((tries) => withoutJitter(tries))).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(withoutJitter(50)).toBe(4 * HOUR_MS);
  });

  it('make at least 16 tries and last at least 24 hours, then end, whatever the jitter', () => {
    for (const random of [0, 0.5, 0.999]) {
      let sinceFirstMs = 0;
      let triesDone = 1;
      for (;;) {
        const delayMs = webhookRetryDelayMs(WEBHOOK_RETRY, { triesDone, sinceFirstMs, random });
        if (delayMs === undefined) break;
        sinceFirstMs += delayMs;
        triesDone += 1;
      }
      expect(triesDone).toBeGreaterThanOrEqual(16);
      expect(sinceFirstMs).toBeGreaterThanOrEqual(24 * HOUR_MS);
      expect(sinceFirstMs).toBeLessThanOrEqual(WEBHOOK_RETRY.giveUpAfterMs);
    }
  });

  it('wait as long as Retry-After asks, but not longer than the longest delay', () => {
    expect(withoutJitter(1, 60_000)).toBe(60_000);
    expect(withoutJitter(5, 1_000)).toBe(80_000);
    expect(withoutJitter(1, 900 * HOUR_MS)).toBe(4 * HOUR_MS);
  });

  it('spread by at most a fifth either way', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        (tries, random) => {
          const plain = withoutJitter(tries) ?? NaN;
          const delay =
            webhookRetryDelayMs(WEBHOOK_RETRY, { triesDone: tries, sinceFirstMs: 0, random }) ?? NaN;
          expect(Math.abs(delay - plain)).toBeLessThanOrEqual(plain * 0.2 + 1);
        },
      ),
    );
  });
});
