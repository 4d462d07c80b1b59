import { describe, expect, it } from 'vitest';
import { repayingUntilMs } from '../../../domain/repayment/repayment.ts';

const WEEK_MS = 7 * 86_400_000;

describe('a repayment under way', () => {
  it.each([
    [0, WEEK_MS],
    [1, WEEK_MS],
    [WEEK_MS - 1, WEEK_MS],
    [WEEK_MS, 2 * WEEK_MS],
    [5 * WEEK_MS + 1, 6 * WEEK_MS],
    [-1, WEEK_MS],
  ])('%i ms after it began holds reminders off to %i ms', (now, until) => {
    expect(repayingUntilMs(1_000, 1_000 + now)).toBe(1_000 + until);
  });
});
