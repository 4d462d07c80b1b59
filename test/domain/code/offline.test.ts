import { describe, expect, it } from 'vitest';
import { DEFAULT_CODE_PREFIX, parseCode } from '../../../domain/code/format.ts';
import {
  acceptableSteps,
  hotp,
  measureOffset,
  offlineBody,
  offlineCode,
  splitOfflineBody,
  timeStep,
  totp,
} from '../../../domain/code/offline.ts';

const KEY = new TextEncoder().encode('12345678901234567890123456789012');

describe('one-time passwords', () => {
  // RFC 6238 Appendix B, the SHA256 rows: 8 digits, seed of 32 bytes.
  it.each([
    [59, '46119246'],
    [1_111_111_109, '68084774'],
    [1_111_111_111, '67062674'],
    [1_234_567_890, '91819424'],
    [2_000_000_000, '90698825'],
    [20_000_000_000, '77737706'],
  ])('at %i s of Unix time are %s (RFC 6238 Appendix B)', async (seconds, password) => {
    expect(await hotp(KEY, timeStep(seconds * 1000), 8)).toBe(password);
    expect(await totp(KEY, timeStep(seconds * 1000))).toBe(password.slice(2));
  });

  it('refuse a counter or a length that is none', async () => {
    await expect(hotp(KEY, -1, 6)).rejects.toThrow(RangeError);
    await expect(hotp(KEY, 1.5, 6)).rejects.toThrow(RangeError);
    await expect(hotp(KEY, 2 ** 53, 6)).rejects.toThrow(RangeError);
    await expect(hotp(KEY, 1, 0)).rejects.toThrow(RangeError);
    await expect(hotp(KEY, 1, 10)).rejects.toThrow(RangeError);
  });
});

describe('time steps', () => {
  it('begin every 30 seconds of Unix time', () => {
    expect([0, 29_999, 30_000, 59_999, 60_000].map(timeStep)).toEqual([0, 0, 1, 1, 2]);
  });

  it('are accepted one before and one after', () => {
    expect(acceptableSteps(89_999)).toEqual([1, 2, 3]);
    expect(acceptableSteps(90_000)).toEqual([2, 3, 4]);
  });
});

describe('an offline code', () => {
  it('carries handle and password in its body', async () => {
    const code = await offlineCode({ prefix: DEFAULT_CODE_PREFIX, handle: '0000000042', key: KEY, step: 1 });
    const parsed = parseCode(code, DEFAULT_CODE_PREFIX);
    expect(parsed).toEqual({ kind: 'code', mode: 'OFFLINE', body: '0000000042119246' });
    expect(splitOfflineBody('0000000042119246')).toEqual({ handle: '0000000042', password: '119246' });
    expect(offlineBody('0000000042', '119246')).toBe('0000000042119246');
  });

  it.each([
    ['123456789', '123456'],
    ['12345678901', '123456'],
    ['1234567890', '12345'],
    ['123456789x', '123456'],
  ])('is not made of handle %s and password %s', (handle, password) => {
    expect(() => offlineBody(handle, password)).toThrow(RangeError);
  });

  it('has no parts in a body of another length', () => {
    expect(() => splitOfflineBody('1'.repeat(15))).toThrow(RangeError);
  });
});

describe('the clock offset', () => {
  it.each([
    ['a clock that is right', 1_000, 1_200, 1_100, 0],
    ['a clock two minutes slow', 1_000, 1_200, 121_100, 120_000],
    ['a clock two minutes fast', 121_000, 121_200, 1_100, -120_000],
  ])('of %s is what the device adds to it', (_, sentAtMs, receivedAtMs, serverTimeMs, offset) => {
    expect(measureOffset({ sentAtMs, receivedAtMs, serverTimeMs })).toBe(offset);
  });

  it('errs by at most half the round trip', () => {
    // The device's clock is right, the way there took all of the time.
    expect(measureOffset({ sentAtMs: 0, receivedAtMs: 4_000, serverTimeMs: 4_000 })).toBe(2_000);
  });
});
