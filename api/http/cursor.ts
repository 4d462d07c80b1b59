import { z } from 'zod';
import { invalidRequest } from './problem.ts';

/** `?limit=&after=` of every list. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('How many items at most.'),
  after: z.string().max(400).optional().describe('`nextCursor` of the page before.'),
});

/** An opaque place in a list. */
export function encodeCursor(parts: readonly [string, string] | undefined): string | null {
  return parts === undefined ? null : Buffer.from(JSON.stringify(parts)).toString('base64url');
}

const cursorParts = z.tuple([z.string().regex(/^[\d :.+-]{10,40}$/), z.string().max(200)]);

/** @throws Problem INVALID_REQUEST for anything that `encodeCursor` did not make */
export function decodeCursor(text: string | undefined): [string, string] | undefined {
  if (text === undefined) return undefined;
  try {
    return cursorParts.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
  } catch {
    throw invalidRequest([
      {
        pointer: '/after',
        code: 'INVALID_CURSOR',
        detail: 'This is not a cursor of this list.',
        in: 'query',
      },
    ]);
  }
}
