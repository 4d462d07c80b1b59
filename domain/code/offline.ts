import { BODY_LENGTH, formatCode } from './format.ts';

/** How long one password is shown: RFC 6238's time step X, from T0 = 0 of Unix time. */
export const OFFLINE_PERIOD_MS = 30_000;

export const HANDLE_LENGTH = 10;
export const PASSWORD_LENGTH = 6;
/** An offline key has as many bytes as the hash (RFC 6238 §5.1, RFC 4226 §4 R6). */
export const OFFLINE_KEY_BYTES = 32;

/** The step in which a moment (milliseconds of Unix time) lies; a step begins at its first millisecond. */
export function timeStep(ms: number): number {
  return Math.floor(ms / OFFLINE_PERIOD_MS);
}

/** Steps whose password is accepted at a moment: one for delay (RFC 6238 §5.2), one for phones that run fast. */
export function acceptableSteps(nowMs: number): readonly number[] {
  const now = timeStep(nowMs);
  return [now - 1, now, now + 1];
}

/**
 * RFC 4226 §5.3 with HMAC-SHA-256: `digits` decimal digits (at most 9), leading zeros kept. Web Crypto alone, so that phone
 * and server run the same lines.
 * @throws RangeError if the counter is no safe integer from 0 or there are more digits than 31 bits hold evenly
 */
export async function hotp(key: Uint8Array, counter: number, digits: number): Promise<string> {
  if (!Number.isSafeInteger(counter) || counter < 0) throw new RangeError('a counter is an integer from 0');
  if (digits < 1 || digits > 9) throw new RangeError('a password has 1 to 9 digits');
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  // A copy: Web Crypto takes no view of shared memory.
  const imported = await crypto.subtle.importKey('raw', new Uint8Array(key), hmac, false, ['sign']);
  const message = new DataView(new ArrayBuffer(8));
  message.setBigUint64(0, BigInt(counter));
  const hash = new DataView(await crypto.subtle.sign('HMAC', imported, message));
  const offset = hash.getUint8(hash.byteLength - 1) & 0xf;
  const truncated = hash.getUint32(offset) & 0x7fff_ffff;
  return String(truncated % 10 ** digits).padStart(digits, '0');
}

/** The one-time password of a step (RFC 6238 with HMAC-SHA-256): 6 digits. */
export function totp(key: Uint8Array, step: number): Promise<string> {
  return hotp(key, step, PASSWORD_LENGTH);
}

/** The body of an offline code: key handle 10, one-time password 6. */
export function offlineBody(handle: string, password: string): string {
  if (!/^\d{10}$/.test(handle)) throw new RangeError('a key handle is 10 digits');
  if (!/^\d{6}$/.test(password)) throw new RangeError('a one-time password is 6 digits');
  return handle + password;
}

/** Takes the 16 digits of an offline code's body apart. */
export function splitOfflineBody(body: string): { handle: string; password: string } {
  if (body.length !== BODY_LENGTH) throw new RangeError('a code body is 16 digits');
  return { handle: body.slice(0, HANDLE_LENGTH), password: body.slice(HANDLE_LENGTH) };
}

/** The 24 digits that a phone shows during a step. */
export async function offlineCode(it: {
  prefix: string;
  handle: string;
  key: Uint8Array;
  step: number;
}): Promise<string> {
  return formatCode(it.prefix, 'OFFLINE', offlineBody(it.handle, await totp(it.key, it.step)));
}

/**
 * How far the server's clock is ahead of the device's, in milliseconds: what the device adds to its own clock. The server is
 * taken to have looked at its clock half-way between question and answer, so the error is at most half the round trip.
 */
export function measureOffset(it: { sentAtMs: number; receivedAtMs: number; serverTimeMs: number }): number {
  return Math.round(it.serverTimeMs - (it.sentAtMs + it.receivedAtMs) / 2);
}
