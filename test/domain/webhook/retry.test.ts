import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WEBHOOK_RETRY, webhookRetryDelayMs } from '../../../domain/webhook/retry.ts';

const HOUR_MS = 3_600_000;
const withoutJitter = (triesDone: number, retryAfterMs?: number): number =>
  webhookRetryDelayMs(WEBHOOK_RETRY, triesDone, 0.5, retryAfterMs);

describe('webhook retries', () => {
  it('back off from five seconds to four hours', () => {
    expect([1, 2, 3, 4].map((tries) => withoutJitter(tries))).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(withoutJitter(50)).toBe(4 * HOUR_MS);
  });

  it('make at least 16 tries and last at least 24 hours, whatever the jitter', () => {
    for (const random of [0, 0.5, 0.999]) {
      let elapsedMs = 0;
      let tries = 1;
      while (elapsedMs < WEBHOOK_RETRY.giveUpAfterMs) {
        elapsedMs += webhookRetryDelayMs(WEBHOOK_RETRY, tries, random);
        tries += 1;
      }
      expect(tries).toBeGreaterThanOrEqual(16);
      expect(elapsedMs).toBeGreaterThanOrEqual(24 * HOUR_MS);
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
          const plain = withoutJitter(tries);
          const delay = webhookRetryDelayMs(WEBHOOK_RETRY, tries, random);
          expect(Math.abs(delay - plain)).toBeLessThanOrEqual(plain * 0.2 + 1);
        },
      ),
    );
  });
});
