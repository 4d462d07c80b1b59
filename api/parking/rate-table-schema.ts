import { z } from 'zod';
import { rateTableFaults } from '../../domain/parking/rate-table-faults.ts';
import { BOUNDARIES, DAY_TYPES, FREE_TIMES, MINUTES_OF_DAY } from '../../domain/parking/rate-table.ts';
import { currency } from '../http/schemas.ts';

const MAX_BANDS = 100;
const MAX_CAPS = 10;
/** A week. */
const MAX_UNIT_MINUTES = 7 * MINUTES_OF_DAY;
/** Keeps the fee of a year, by the minute, exact in a double. */
const MAX_UNIT_AMOUNT = 1_000_000_000;
const MAX_CAP_HOURS = 31 * 24;

const amount = z.int().max(MAX_UNIT_AMOUNT).meta({ description: 'Integer minor units (JPY: yen).' });

function clockTime(pattern: RegExp, words: string) {
  return z.string().regex(pattern, words);
}

const band = z.strictObject({
  days: z
    .array(z.enum(DAY_TYPES))
    .min(1)
    .refine((it) => new Set(it).size === it.length, 'Each kind of day stands once')
    .meta({ description: 'The days on which its hours lie; HOLIDAY wins over the weekday.' }),
  from: clockTime(/^([01]\d|2[0-3]):[0-5]\d$/, 'A time from 00:00 to 23:59').meta({ example: '08:00' }),
  to: clockTime(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'A time from 00:00 to 24:00').meta({
    description: 'At or before `from`: of the next day.',
    example: '22:00',
  }),
  unitMinutes: z.int().min(1).max(MAX_UNIT_MINUTES),
  unitAmount: amount.min(0),
  maxAmount: amount.min(0).optional().meta({ description: 'At most so much for one stretch of the band.' }),
});

const cap = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('HOURS_AFTER_ENTRY'),
    hours: z.int().min(1).max(MAX_CAP_HOURS),
    amount: amount.min(1),
    repeats: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('CALENDAR_DAY'), amount: amount.min(1) }),
]);

/** A rate table of the contract; every gap, overlap and idle cap is a fault of its own (docs/parking-tariffs.md). */
export const rateTable = z
  .strictObject({
    currency,
    taxRatePercent: z
      .number()
      .min(0)
      .max(100)
      .refine((it) => Math.abs(it * 1_000 - Math.round(it * 1_000)) < 1e-6, 'At most three decimals')
      .meta({ example: 10 }),
    taxIncluded: z.boolean(),
    boundary: z.enum(BOUNDARIES),
    freeMinutes: z.int().min(0).max(MINUTES_OF_DAY),
    freeTime: z.enum(FREE_TIMES).optional().meta({
      description:
        'Whether a stay beyond the free minutes is charged from their end (DEDUCTED) or from entry.',
      default: 'DEDUCTED',
    }),
    exitGraceMinutes: z.int().min(0).max(MINUTES_OF_DAY),
    bands: z.array(band).min(1).max(MAX_BANDS),
    caps: z.array(cap).max(MAX_CAPS),
  })
  .superRefine((table, context) => {
    for (const { path, detail } of rateTableFaults(table))
      context.addIssue({ code: 'custom', path: [...path], message: detail });
  });
