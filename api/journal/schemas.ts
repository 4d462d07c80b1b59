import { z } from 'zod';
import { paymentView } from '../payment/schemas.ts';

export const MAX_ENTRIES = 500;
/** A clock that is further off than this is not a clock. */
const MAX_OFFSET_MS = 10 * 365 * 86_400_000;
const YEARS = { from: Date.UTC(2020), to: Date.UTC(2100) };

const time = z.iso
  .datetime({ offset: true })
  .refine((it) => Date.parse(it) >= YEARS.from && Date.parse(it) < YEARS.to, 'Not in the years 2020 to 2099')
  .meta({ example: '2026-11-22T03:04:05.678Z' });

/** One entry; each is judged by itself, so that a bad one never blocks the rest. */
export const journalEntry = z
  .strictObject({
    entryId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
    code: z.string().max(200),
    displayedAt: time,
    clockOffsetMs: z.int().min(-MAX_OFFSET_MS).max(MAX_OFFSET_MS),
  })
  .meta({
    description:
      "An offline code that was shown: `displayedAt` by the device's own clock, `clockOffsetMs` what the device adds to it to get server time.",
  });

export const journalRequest = z
  .strictObject({
    entries: z
      .array(z.unknown())
      .max(MAX_ENTRIES)
      .meta({
        items: z.toJSONSchema(journalEntry, { io: 'input', reused: 'inline' }),
        description: 'Every offline code shown in the time the journal covers, paid with or not.',
      }),
    coversFrom: time.meta({ description: 'Server time (the device has applied its offset).' }),
    coversTo: time.meta({ description: 'Server time; what lies in the future is not covered.' }),
  })
  .refine((it) => Date.parse(it.coversFrom) <= Date.parse(it.coversTo), {
    path: ['coversTo'],
    message: 'coversTo is not before coversFrom',
  });
export type JournalRequest = z.output<typeof journalRequest>;

export const journalReply = z.object({
  results: z.array(
    z.object({
      entryId: z.string(),
      outcome: z.enum(['MATCHED', 'NOT_USED', 'PENDING', 'INVALID']),
      payment: paymentView.optional(),
    }),
  ),
});

export const journalExample = {
  entries: [
    {
      entryId: 'shown-1',
      code: '999901212345678901234569',
      displayedAt: '2026-11-22T03:04:05.678Z',
      clockOffsetMs: -120,
    },
  ],
  coversFrom: '2026-11-22T03:00:00.000Z',
  coversTo: '2026-11-22T03:30:00.000Z',
};
