import { z } from 'zod';
import { MAX_AMOUNT_MINOR } from '../../domain/money.ts';

/** An id that the caller chooses. */
export const callerId = z
  .string()
  .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$/, 'An id has 1 to 64 of A-Z a-z 0-9 . _ - and is not . or ..')
  .meta({ description: 'Chosen by the caller: 1-64 of `A-Z a-z 0-9 . _ -`.', example: 'order-2026-0001' });

/** An amount to move, in minor units. */
export const payableAmount = z
  .int()
  .min(1)
  .max(MAX_AMOUNT_MINOR)
  .meta({ description: 'Integer minor units (JPY: yen).', example: 1200 });

/** An amount of a basket line: may be zero or negative. */
export const lineAmount = z.int().min(-MAX_AMOUNT_MINOR).max(MAX_AMOUNT_MINOR);

export const currency = z
  .string()
  .regex(/^[A-Z]{3}$/, 'A currency is three capital letters (ISO 4217)')
  .meta({ description: 'ISO 4217.', example: 'JPY' });

/** Text that people read: no control characters, no half characters (lone surrogates), something else than blanks. */
export function text(maxLength: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .refine((it) => !/[\p{Cc}\p{Cs}]/u.test(it), 'No control characters')
    .refine((it) => it.trim() !== '', 'Not only blanks');
}

/** An IANA time zone that this machine's tables know. */
export const timeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'Not an IANA time zone, for example Asia/Tokyo')
  .meta({ description: 'IANA time zone.', example: 'Asia/Tokyo' });

function isTimeZone(name: string): boolean {
  // Names only: offsets such as +09:00 know no daylight saving.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** RFC 3339 in UTC, as answered. */
export const timestamp = z.iso.datetime().meta({ example: '2026-11-22T03:04:05.678Z' });

/** A new secret that signs our calls, shown once. */
export const signingSecret = z.object({ secret: z.string(), previousValidUntil: timestamp.optional() });

/** A day of the calendar, in the time zone of whoever it belongs to. */
export const calendarDate = z.iso
  .date()
  .refine((it) => it >= '2000-01-01' && it <= '9999-12-30', 'Not a day that payments can be of')
  .meta({ description: "`YYYY-MM-DD`, of the merchant's time zone.", example: '2026-11-22' });
