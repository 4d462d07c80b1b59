import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_CODE_PREFIX, formatCode, parseCode } from '../../../domain/code/format.ts';
import { hasValidLuhn, luhnCheckDigit } from '../../../domain/code/luhn.ts';

const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`));

describe('Luhn check digits', () => {
  // python-stdnum's published cases, each recomputed.
  it.each([
    ['4992739871', '6'],
    ['142857', '2'],
    ['398438246238642378648236487236482734', '7'],
    ['7894', '9'],
  ])('of %s is %s', (payload, check) => {
    expect(luhnCheckDigit(payload)).toBe(check);
    expect(hasValidLuhn(payload + check)).toBe(true);
  });

  it.each(['7894', '4992739871', '', '0x', '12a4'])('refuse %j', (text) => {
    expect(hasValidLuhn(text)).toBe(false);
  });

  it('notice every single wrong digit', () => {
    fc.assert(
      fc.property(digits(23), fc.nat(23), fc.integer({ min: 1, max: 9 }), (payload, at, shift) => {
        const code = payload + luhnCheckDigit(payload);
        const wrong = String((Number(code[at]) + shift) % 10);
        expect(hasValidLuhn(code.slice(0, at) + wrong + code.slice(at + 1))).toBe(false);
      }),
    );
  });
});

describe('a code', () => {
  it('has 24 digits and comes apart as it was put together', () => {
    fc.assert(
      fc.property(digits(16), fc.constantFrom('ONLINE' as const, 'OFFLINE' as const), (body, mode) => {
        const code = formatCode(DEFAULT_CODE_PREFIX, mode, body);
        expect(code).toMatch(/^\d{24}$/);
        expect(parseCode(code, DEFAULT_CODE_PREFIX)).toEqual({ kind: 'code', mode, body });
      }),
    );
  });

  const good = formatCode(DEFAULT_CODE_PREFIX, 'ONLINE', '1234567890123456');
  const otherMode = (() => {
    const payload = `${DEFAULT_CODE_PREFIX}3${'1'.repeat(16)}`;
    return payload + luhnCheckDigit(payload);
  })();
  it.each([
    ['23 digits', good.slice(0, 23), 'LENGTH'],
    ['25 digits', `${good}0`, 'LENGTH'],
    ['nothing', '', 'LENGTH'],
    ['a letter in it', `A${good.slice(1)}`, 'NOT_DIGITS'],
    ['full-width digits', '１'.repeat(24), 'NOT_DIGITS'],
    ['a bad check digit', good.slice(0, 23) + String((Number(good[23]) + 1) % 10), 'CHECK_DIGIT'],
    ['another issuer', formatCode('123456', 'ONLINE', '1'.repeat(16)), 'PREFIX'],
    ['an unknown mode', otherMode, 'MODE'],
  ])('with %s is refused before anything is looked up', (_, text, fault) => {
    expect(parseCode(text, DEFAULT_CODE_PREFIX)).toEqual({ kind: 'fault', fault });
  });
});
