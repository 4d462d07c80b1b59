import { describe, expect, it } from 'vitest';
import {
  dueOf,
  QUOTE_MAX_MS,
  QUOTE_MIN_MS,
  type DueFee,
  type PaidForStay,
} from '../../../domain/parking/quote.ts';

const NOW = Date.parse('2026-11-22T03:00:00Z');
const MINUTE = 60_000;
const at = { nowMs: NOW, exitGraceMs: 10 * MINUTE };
const nothing: PaidForStay = { amount: 0, unheardAmount: 0, exitByMs: undefined };

function fee(it: Partial<DueFee> = {}): DueFee {
  return { amount: 600, taxRatePercent: 10, taxAmount: 54, validUntilMs: NOW + 3 * MINUTE, ...it };
}

describe('what is left to pay', () => {
  it('is the fee, until the next step of the tariff, and after it the time to leave', () => {
    expect(dueOf('KESSAI', fee(), nothing, at)).toEqual({
      amount: 600,
      taxAmount: 54,
      expiresAtMs: NOW + 3 * MINUTE,
      exitByMs: NOW + 13 * MINUTE,
    });
  });

  it('is good for a minute at least and five at most; who pays a long unit may stay to its end', () => {
    const edge = dueOf('KESSAI', fee({ validUntilMs: NOW }), nothing, at);
    expect(edge).toMatchObject({
      expiresAtMs: NOW + QUOTE_MIN_MS,
      exitByMs: NOW + QUOTE_MIN_MS + 10 * MINUTE,
    });
    const long = dueOf('KESSAI', fee({ validUntilMs: NOW + 60 * MINUTE }), nothing, at);
    expect(long).toMatchObject({ expiresAtMs: NOW + QUOTE_MAX_MS, exitByMs: NOW + 70 * MINUTE });
  });

  it('of our own tariff is the difference to what was paid, with the tax in that, and never less than nothing', () => {
    const paid = { amount: 300, unheardAmount: 0, exitByMs: NOW - 1 };
    expect(dueOf('KESSAI', fee(), paid, at)).toMatchObject({ amount: 300, taxAmount: 27 });
    expect(dueOf('KESSAI', fee(), { ...paid, amount: 900 }, at)).toMatchObject({ amount: 0, taxAmount: 0 });
  });

  it('is nothing within the time to leave, to its last millisecond', () => {
    const paid = { amount: 300, unheardAmount: 300, exitByMs: NOW };
    expect(dueOf('KESSAI', fee(), paid, at).amount).toBe(0);
    expect(dueOf('KESSAI', fee(), { ...paid, exitByMs: NOW - 1 }, at).amount).toBe(300);
  });

  it('by the operator’s server counts what that knows; what it has not heard of is not asked for twice', () => {
    const paid = { amount: 600, unheardAmount: 0, exitByMs: NOW - 1 };
    expect(dueOf('OPERATOR', fee({ amount: 200, taxAmount: 18 }), paid, at)).toMatchObject({
      amount: 200,
      taxAmount: 18,
    });
    expect(dueOf('OPERATOR', fee(), { ...paid, unheardAmount: 600 }, at)).toMatchObject({
      amount: 0,
      taxAmount: 0,
    });
  });
});
