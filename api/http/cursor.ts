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

/** A time with microseconds, as `cursor_time` in SQL writes it, and an id. */
const cursorParts = z.tuple([z.string().refine(isTime), z.string().regex(/^[A-Za-z0-9_.-]{1,200}$/)]);

function isTime(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text)) return false;
  const at = new Date(text);
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 19) === text.slice(0, 19);
}

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
