import { hasValidLuhn, luhnCheckDigit } from './luhn.ts';

/**
 * The consumer-presented code: 24 digits, the same in Code 128 C and in a QR code.
 * `issuer prefix 6 | mode 1 | body 16 | Luhn check 1`
 */
export const CODE_LENGTH = 24;
export const PREFIX_LENGTH = 6;
export const BODY_LENGTH = 16;

/** Prefix of codes issued where `CODE_PREFIX` says nothing else. */
export const DEFAULT_CODE_PREFIX = '999901';

/** How long an online code can be presented after the server issued it. */
export const ONLINE_CODE_TTL_MS = 5 * 60_000;

export type CodeMode = 'ONLINE' | 'OFFLINE';

const MODE_DIGITS = { ONLINE: '1', OFFLINE: '2' } as const satisfies Record<CodeMode, string>;

/** Why a string is no code of ours; each is known before anything is looked up. */
export type CodeFault = 'LENGTH' | 'NOT_DIGITS' | 'CHECK_DIGIT' | 'PREFIX' | 'MODE';

export type ParsedCode =
  | { readonly kind: 'code'; readonly mode: CodeMode; readonly body: string }
  | { readonly kind: 'fault'; readonly fault: CodeFault };

/** Sentences for {@link CodeFault}, as the API tells them. */
export const CODE_FAULT_TEXT: Record<CodeFault, string> = {
  LENGTH: `A code has ${CODE_LENGTH} digits.`,
  NOT_DIGITS: 'A code consists of the digits 0-9 only.',
  CHECK_DIGIT: 'The check digit does not match: the code was misread.',
  PREFIX: 'The code belongs to another issuer.',
  MODE: 'The code is of an unknown mode.',
};

/** Puts a code together; `body` must be 16 digits. */
export function formatCode(prefix: string, mode: CodeMode, body: string): string {
  if (!/^\d{6}$/.test(prefix)) throw new RangeError('a code prefix is 6 digits');
  if (!/^\d{16}$/.test(body)) throw new RangeError('a code body is 16 digits');
  const payload = prefix + MODE_DIGITS[mode] + body;
  return payload + luhnCheckDigit(payload);
}

/** Takes a scanned string apart; the first fault wins, in the order a till would notice them. */
export function parseCode(text: string, prefix: string): ParsedCode {
  if (text.length !== CODE_LENGTH) return { kind: 'fault', fault: 'LENGTH' };
  if (!/^\d+$/.test(text)) return { kind: 'fault', fault: 'NOT_DIGITS' };
  if (!hasValidLuhn(text)) return { kind: 'fault', fault: 'CHECK_DIGIT' };
  if (!text.startsWith(prefix)) return { kind: 'fault', fault: 'PREFIX' };
  const modeDigit = text.charAt(PREFIX_LENGTH);
  const body = text.slice(PREFIX_LENGTH + 1, -1);
  if (modeDigit === MODE_DIGITS.ONLINE) return { kind: 'code', mode: 'ONLINE', body };
  if (modeDigit === MODE_DIGITS.OFFLINE) return { kind: 'code', mode: 'OFFLINE', body };
  return { kind: 'fault', fault: 'MODE' };
}
