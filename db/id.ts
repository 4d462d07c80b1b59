import { randomBytes } from 'node:crypto';

/**
 * A new id: prefix, 48 bits of time, 80 random bits, in lower-case hexadecimal. Sorted ids are in order of making,
 * which keeps new rows at one end of the index.
 */
export function newId(
  prefix:
    'pay' | 'ref' | 'key' | 'dev' | 'sec' | 'req' | 'brk' | 'file' | 'msg' | 'psh' | 'set' | 'quo' | 'fee',
): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${prefix}_${time}${randomBytes(10).toString('hex')}`;
}
