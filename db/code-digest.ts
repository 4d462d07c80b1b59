import { createHmac } from 'node:crypto';

/** What is kept of a code: hexadecimal HMAC-SHA-256, so that a leaked table gives no code back. */
export interface CodeDigester {
  (code: string): string;
  /** The same under the peppers before: what is found by a code may have been stored under one of them. */
  older(code: string): readonly string[];
}

/**
 * @param pepper base64 of 32 bytes, from KESSAI_CODE_PEPPER: digests
 * @param oldPeppers the same, from KESSAI_CODE_PEPPERS_OLD: find what they digested
 * @throws if one is anything else
 */
export function createCodeDigester(pepper: string, oldPeppers: readonly string[] = []): CodeDigester {
  const key = readPepper(pepper, 'KESSAI_CODE_PEPPER');
  const oldKeys = oldPeppers.map((it) => readPepper(it, 'KESSAI_CODE_PEPPERS_OLD'));
  return Object.assign((code: string) => digest(key, code), {
    older: (code: string) => oldKeys.map((it) => digest(it, code)),
  });
}

function digest(key: Buffer, code: string): string {
  return createHmac('sha256', key).update(code).digest('hex');
}

function readPepper(text: string, name: string): Buffer {
  const key = Buffer.from(text, 'base64');
  if (key.length !== 32) throw new Error(`${name} must be base64 of 32 bytes (openssl rand -base64 32)`);
  return key;
}
