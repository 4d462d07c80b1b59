import { createHmac } from 'node:crypto';

/** What is kept of a code: hexadecimal HMAC-SHA-256, so that a leaked table gives no code back. */
export type CodeDigester = (code: string) => string;

/**
 * @param pepper base64 of 32 bytes, from KESSAI_CODE_PEPPER
 * @throws if it is anything else
 */
export function createCodeDigester(pepper: string): CodeDigester {
  const key = Buffer.from(pepper, 'base64');
  if (key.length !== 32)
    throw new Error('KESSAI_CODE_PEPPER must be base64 of 32 bytes (openssl rand -base64 32)');
  return (code) => createHmac('sha256', key).update(code).digest('hex');
}
