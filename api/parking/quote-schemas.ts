import { z } from 'zod';
import { FEE_SOURCES } from '../../domain/parking/place.ts';
import { callerId, text, timestamp } from '../http/schemas.ts';

const time = z.iso
  .datetime({ offset: true })
  .refine((it) => it >= '2000' && it < '2100', 'Not in the years 2000 to 2099')
  .transform((it) => new Date(it).toISOString());

export const quoteRequest = z
  .strictObject({
    placeId: callerId,
    space: text(32).optional(),
    credential: text(64)
      .optional()
      .meta({ description: 'A ticket or a plate, where the place goes by that.' }),
    startedAt: time.optional().meta({
      description:
        'From the ticket, at a place whose operator has no server and tells of no entry; the operator checks it. Elsewhere it is not looked at.',
      example: '2026-11-22T01:04:05.678Z',
    }),
  })
  .refine(
    (it) => (it.space === undefined) !== (it.credential === undefined),
    'Either a space or a credential',
  );
export type QuoteRequest = z.output<typeof quoteRequest>;

export const quoteExample = { placeId: 'central-1', space: '12' };

export const quoteView = z
  .object({
    quoteId: z.string(),
    operatorId: z.string(),
    operatorName: z.string(),
    placeId: z.string(),
    placeName: z.string(),
    space: z.string().optional(),
    sessionId: z.string(),
    startedAt: timestamp,
    fee: z.int().meta({ description: 'Of the whole stay, as far as is known here.' }),
    paidBefore: z.int(),
    amount: z.int().meta({ description: 'What is left to pay; 0: nothing, leave in time.' }),
    currency: z.string(),
    taxRatePercent: z.number(),
    taxAmount: z.int().meta({ description: 'Contained in `amount`.' }),
    lines: z
      .array(
        z.object({
          kind: z.string(),
          why: z.string(),
          amount: z.int(),
          units: z.int().optional(),
          from: timestamp.optional(),
          to: timestamp.optional(),
        }),
      )
      .meta({ description: 'How the fee was reckoned; OPERATOR: as its server says it.' }),
    feeSource: z.enum(FEE_SOURCES),
    isFallback: z
      .boolean()
      .meta({ description: 'The rate table stands in for the operator’s server, which is down.' }),
    saidByDriver: z
      .boolean()
      .meta({ description: 'The entry was said by the driver; the operator checks it.' }),
    quotedAt: timestamp,
    expiresAt: timestamp,
    exitBy: timestamp.meta({ description: 'Until when a driver who pays this may be out.' }),
  })
  .meta({ id: 'ParkingQuote' });

export const quoteViewExample = {
  quoteId: 'quo_019aa0c5f3a1b2c3d4e5f60718293a4b',
  operatorId: 'central-parking',
  operatorName: 'Central Parking',
  placeId: 'central-1',
  placeName: 'Central 1',
  space: '12',
  sessionId: 's-4711',
  startedAt: '2026-11-22T01:04:05.678Z',
  fee: 660,
  paidBefore: 0,
  amount: 660,
  currency: 'JPY',
  taxRatePercent: 10,
  taxAmount: 60,
  lines: [{ kind: 'OPERATOR', why: '2 x 30 min at 330', amount: 660 }],
  feeSource: 'OPERATOR',
  isFallback: false,
  saidByDriver: false,
  quotedAt: '2026-11-22T02:00:00.000Z',
  expiresAt: '2026-11-22T02:04:05.678Z',
  exitBy: '2026-11-22T02:09:05.678Z',
};
