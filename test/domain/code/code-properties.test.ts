import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODE_FAULT_TEXT, DEFAULT_CODE_PREFIX, formatCode, parseCode } from '../../../domain/code/format.ts';
import { luhnCheckDigit } from '../../../domain/code/luhn.ts';
import {
  acceptableSteps,
  measureOffset,
  OFFLINE_PERIOD_MS,
  offlineBody,
  offlineCode,
  splitOfflineBody,
  timeStep,
  totp,
} from '../../../domain/code/offline.ts';

const digits = (length: number) =>
  fc.array(fc.nat(9), { minLength: length, maxLength: length }).map((it) => it.join(''));
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const step = fc.nat(2 ** 40);
const mode = fc.constantFrom('ONLINE' as const, 'OFFLINE' as const);

/** A good code of any issuer. */
const code = fc
  .tuple(digits(6), mode, digits(16))
  .map(([prefix, ofMode, body]) => ({ prefix, mode: ofMode, body, text: formatCode(prefix, ofMode, body) }));

describe('parsing', () => {
  it('takes any 24 digits apart or names a fault, and never throws', () => {
    fc.assert(
      fc.property(digits(24), (text) => {
        const parsed = parseCode(text, DEFAULT_CODE_PREFIX);
        if (parsed.kind === 'fault') expect(CODE_FAULT_TEXT).toHaveProperty(parsed.fault);
        else expect(formatCode(DEFAULT_CODE_PREFIX, parsed.mode, parsed.body)).toBe(text);
      }),
    );
  });

  it('takes digits with the right prefix and check digit apart, or knows only the mode for a fault', () => {
    fc.assert(
      fc.property(digits(17), (rest) => {
        const payload = DEFAULT_CODE_PREFIX + rest;
        const parsed = parseCode(payload + luhnCheckDigit(payload), DEFAULT_CODE_PREFIX);
        const isOurs = rest.startsWith('1') || rest.startsWith('2');
        expect(parsed).toEqual(
          isOurs
            ? { kind: 'code', mode: rest.startsWith('1') ? 'ONLINE' : 'OFFLINE', body: rest.slice(1) }
            : { kind: 'fault', fault: 'MODE' },
        );
      }),
    );
  });

  it('names a fault for whatever is no 24 digits', () => {
    const character = fc.nat(0xffff).map((it) => String.fromCharCode(it));
    const anyText = fc.array(character, { maxLength: 40 }).map((it) => it.join(''));
    const almost = fc
      .tuple(digits(24), fc.nat(23), character)
      .map(([text, at, it]) => text.slice(0, at) + it + text.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(anyText, almost, digits(23), digits(25)), (text) => {
        fc.pre(!/^\d{24}$/.test(text));
        const parsed = parseCode(text, DEFAULT_CODE_PREFIX);
        expect(parsed).toEqual({ kind: 'fault', fault: text.length === 24 ? 'NOT_DIGITS' : 'LENGTH' });
      }),
    );
  });

  it('gives back what formatting was given', () => {
    fc.assert(
      fc.property(code, (it) => {
        expect(it.text).toMatch(/^\d{24}$/);
        expect(parseCode(it.text, it.prefix)).toEqual({ kind: 'code', mode: it.mode, body: it.body });
      }),
    );
  });

  const isMisread = (text: string, prefix: string): boolean => {
    const parsed = parseCode(text, prefix);
    return parsed.kind === 'fault' && parsed.fault === 'CHECK_DIGIT';
  };

  it('notices every single wrong digit', () => {
    fc.assert(
      fc.property(code, ({ text, prefix }) => {
        const unnoticed: string[] = [];
        for (let at = 0; at < text.length; at++) {
          for (let shift = 1; shift <= 9; shift++) {
            const wrong = String((Number(text[at]) + shift) % 10);
            const misread = text.slice(0, at) + wrong + text.slice(at + 1);
            if (!isMisread(misread, prefix)) unnoticed.push(misread);
          }
        }
        expect(unnoticed).toEqual([]);
      }),
    );
  });

  it('notices every swap of unequal neighbours but 09 and 90', () => {
    fc.assert(
      fc.property(code, ({ text, prefix }) => {
        for (let at = 0; at + 1 < text.length; at++) {
          const [first = '', second = ''] = text.slice(at, at + 2);
          if (first === second) continue;
          const swapped = text.slice(0, at) + second + first + text.slice(at + 2);
          const isBlindSpot = first + second === '09' || first + second === '90';
          if (isMisread(swapped, prefix) === isBlindSpot) expect.fail(`${text} read as ${swapped}`);
        }
      }),
    );
  });
});

describe('making offline codes', () => {
  it('puts handle and password where parsing finds them', async () => {
    await fc.assert(
      fc.asyncProperty(digits(10), key, step, async (handle, bytes, at) => {
        const text = await offlineCode({ prefix: DEFAULT_CODE_PREFIX, handle, key: bytes, step: at });
        const parsed = parseCode(text, DEFAULT_CODE_PREFIX);
        expect(parsed).toMatchObject({ kind: 'code', mode: 'OFFLINE' });
        const body = parsed.kind === 'code' ? parsed.body : '';
        expect(splitOfflineBody(body)).toEqual({ handle, password: await totp(bytes, at) });
        expect(offlineBody(handle, await totp(bytes, at))).toBe(body);
      }),
    );
  });

  it('depends on key and step alone: the same twice, and the bytes of the key are not touched', async () => {
    await fc.assert(
      fc.asyncProperty(key, step, async (bytes, at) => {
        const copy = Uint8Array.from(bytes);
        expect(await totp(bytes, at)).toBe(await totp(Buffer.from(copy), at));
        expect(bytes).toEqual(copy);
      }),
    );
  });

  it('spreads passwords of steps and of keys over all there are', { timeout: 30_000 }, async () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);
    const count = 5_000;
    const ofSteps = await Promise.all(Array.from({ length: count }, (_, i) => totp(bytes, 59_843_880 + i)));
    const ofKeys = await Promise.all(
      Array.from({ length: count }, (_, i) => {
        const other = Uint8Array.from(bytes);
        new DataView(other.buffer).setUint32(0, i);
        return totp(other, 59_843_880);
      }),
    );
    for (const passwords of [ofSteps, ofKeys]) {
      // 5,000 draws of a million meet about 12 times; 40 would be a broken hash, not chance.
      expect(new Set(passwords).size).toBeGreaterThan(count - 40);
      for (let place = 0; place < 6; place++) expectUniform(passwords.map((it) => it.charAt(place)));
    }
  });

  it('makes codes of different handles differ, whatever key and step', async () => {
    await fc.assert(
      fc.asyncProperty(digits(10), digits(10), key, step, async (one, other, bytes, at) => {
        fc.pre(one !== other);
        const [a, b] = await Promise.all(
          [one, other].map((handle) =>
            offlineCode({ prefix: DEFAULT_CODE_PREFIX, handle, key: bytes, step: at }),
          ),
        );
        expect(a).not.toBe(b);
      }),
    );
  });
});

describe('steps and clocks', () => {
  const time = fc.nat(2 ** 45);

  it('a step holds its 30 seconds, and is accepted in it, in the one before and the one after', () => {
    fc.assert(
      fc.property(time, fc.integer({ min: -200_000, max: 200_000 }), (nowMs, lagMs) => {
        const at = timeStep(nowMs);
        expect(at * OFFLINE_PERIOD_MS).toBeLessThanOrEqual(nowMs);
        expect((at + 1) * OFFLINE_PERIOD_MS).toBeGreaterThan(nowMs);
        const other = timeStep(nowMs + lagMs);
        expect(acceptableSteps(nowMs).includes(other)).toBe(Math.abs(other - at) <= 1);
        // What is at most a step away in time is accepted wherever in the step it is.
        if (Math.abs(lagMs) <= OFFLINE_PERIOD_MS) expect(acceptableSteps(nowMs)).toContain(other);
      }),
    );
  });

  it('the offset brings any clock to within half the round trip of the server', () => {
    const way = fc.nat(20_000);
    fc.assert(
      fc.property(
        time,
        fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
        way,
        way,
        (sentMs, aheadMs, there, back) => {
          const device = (serverMs: number): number => serverMs - aheadMs;
          const offsetMs = measureOffset({
            sentAtMs: device(sentMs),
            receivedAtMs: device(sentMs + there + back),
            serverTimeMs: sentMs + there,
          });
          expect(Math.abs(offsetMs - aheadMs)).toBeLessThanOrEqual((there + back) / 2 + 0.5);
        },
      ),
    );
  });
});

/** Each digit about a tenth of the time: chi-squared with nine degrees of freedom, beyond 40 once in 100,000. */
function expectUniform(drawn: readonly string[]): void {
  const wanted = drawn.length / 10;
  let chiSquared = 0;
  for (let digit = 0; digit <= 9; digit++) {
    const seen = drawn.filter((it) => it === String(digit)).length;
    chiSquared += (seen - wanted) ** 2 / wanted;
  }
  expect(chiSquared).toBeLessThan(40);
}
