import { z } from 'zod';
import { HOLIDAY_CALENDARS } from '../../domain/dunning/policy.ts';
import { FEE_LINE_KINDS, MAX_STAY_MS } from '../../domain/parking/fee.ts';
import { FEE_SOURCES, PLACE_KINDS, RELEASES } from '../../domain/parking/place.ts';
import { endpointUrl } from '../http/endpoint-url.ts';
import { callerId, text, timestamp, timeZone } from '../http/schemas.ts';
import { rateTable } from './rate-table-schema.ts';

const MAX_SPACES = 5_000;
export const MAX_RADIUS_M = 50_000;

const time = z.iso
  .datetime({ offset: true })
  .refine((it) => it >= '2000' && it < '2100', 'Not in the years 2000 to 2099')
  .transform((it) => new Date(it).toISOString())
  .meta({ example: '2026-11-22T03:04:05.678Z' });

const holidays = z.enum(HOLIDAY_CALENDARS).meta({
  description: "Whose public holidays HOLIDAY means; if left out, those of the time zone's country.",
});

export const operatorParams = z.strictObject({ operatorId: callerId });
export const placeParams = z.strictObject({ placeId: callerId });
export const sessionParams = z.strictObject({ sessionId: callerId });

export const operatorBody = z
  .strictObject({
    name: text(100),
    timeZone,
    holidays: holidays.optional(),
    feeSource: z.enum(FEE_SOURCES).meta({
      description: 'Who says what a stay costs: its server, or the rate tables of its places.',
    }),
    fallbackToRateTable: z.boolean().default(false).meta({
      description: 'Whether the rate table may stand in while its server gives no fee.',
    }),
    release: z.enum(RELEASES).meta({
      description: 'Who lets the driver go: its server, or a person who is asked.',
    }),
    baseUrl: endpointUrl
      .refine((it) => !/[?#]/.test(it), 'No query and no fragment: paths are put behind it')
      .transform((it) => it.replace(/\/+$/, ''))
      .optional()
      .meta({ description: 'Its endpoints are under this address.', example: 'https://park.example/kessai' }),
    invoiceNumber: z
      .string()
      .regex(/^(T\d{13}|(?!T)[A-Z0-9-]{2,32})$/, 'T and 13 digits in Japan; else 2 to 32 of A-Z 0-9 -')
      .optional()
      .meta({
        description: 'On receipts: registration number of a qualified invoice issuer.',
        example: 'T1234567890123',
      }),
    phone: z
      .string()
      .regex(/^\+?[0-9][0-9 ()-]{3,30}$/, 'A telephone number')
      .optional()
      .meta({ description: 'For a driver before a gate that stays shut.', example: '+81 54-000-0000' }),
  })
  .refine((it) => it.feeSource !== 'OPERATOR' || it.baseUrl !== undefined, {
    path: ['baseUrl'],
    message: 'A server that says the fees has an address',
  });

export const operatorView = z
  .object({
    operatorId: z.string(),
    name: z.string(),
    timeZone: z.string(),
    holidays: holidays.optional(),
    feeSource: z.enum(FEE_SOURCES),
    fallbackToRateTable: z.boolean(),
    release: z.enum(RELEASES),
    baseUrl: z.string().optional(),
    invoiceNumber: z.string().optional(),
    phone: z.string().optional(),
  })
  .meta({ id: 'ParkingOperator' });

const latitude = z.number().min(-90).max(90).meta({ description: 'Degrees, WGS 84.', example: 34.873047 });
const longitude = z
  .number()
  .min(-180)
  .max(180)
  .meta({ description: 'Degrees, WGS 84.', example: 138.318427 });
const space = text(32).meta({ description: 'As it is written at the space.', example: 'A-12' });

export const placeBody = z.strictObject({
  kind: z.enum(PLACE_KINDS),
  name: text(100),
  position: z.strictObject({ lat: latitude, lon: longitude }),
  spaces: z
    .array(space)
    .max(MAX_SPACES)
    .refine((it) => new Set(it).size === it.length, 'Each space stands once')
    .meta({ description: 'Empty: the place has no spaces with names.' }),
  siteCode: callerId.meta({
    description: 'Shown at the place, one of a kind among all operators.',
    example: 'YZ-0001',
  }),
  rateTable: rateTable.optional(),
});

const placeFields = {
  placeId: z.string(),
  operatorId: z.string(),
  kind: z.enum(PLACE_KINDS),
  name: z.string(),
  position: z.object({ lat: z.number(), lon: z.number() }),
  spaces: z.array(z.string()),
  siteCode: z.string(),
};
export const placeView = z
  .object({
    ...placeFields,
    rateTable: rateTable.optional(),
    rateTableVersion: z
      .int()
      .optional()
      .meta({ description: 'Rises with each other rate table; a session keeps the one in force at entry.' }),
  })
  .meta({ id: 'ParkingPlace' });

export const foundPlaces = z.object({
  items: z.array(
    z.object({
      ...placeFields,
      operatorName: z.string(),
      distanceM: z.int().optional().meta({ description: 'From the position given, in metres.' }),
    }),
  ),
  agreement: z.enum(['AGREE', 'DISAGREE', 'CODE_UNKNOWN']).optional().meta({
    description:
      'Where both a code and a position were given: whether the place of the code lies within the radius. The place of the code comes first either way.',
  }),
});

/** A number of a query string. */
function queryNumber(schema: z.ZodNumber) {
  return z
    .string()
    .regex(/^-?\d{1,6}(\.\d{1,15})?$/, 'A decimal number')
    .transform(Number)
    .pipe(schema);
}

export const placesQuery = z
  .strictObject({
    siteCode: callerId.optional(),
    lat: queryNumber(latitude).optional(),
    lon: queryNumber(longitude).optional(),
    radiusM: queryNumber(z.number().min(1).max(MAX_RADIUS_M))
      .optional()
      .meta({ description: 'Metres; 500 if left out.' }),
    limit: queryNumber(z.int().min(1).max(200))
      .optional()
      .meta({ description: 'At most so many places, 1-200; 50 if left out.' }),
  })
  .superRefine((it, context) => {
    const fault = (path: string, message: string) => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (it.lat === undefined && it.lon !== undefined) fault('lat', 'A position has lat and lon');
    if (it.lon === undefined && it.lat !== undefined) fault('lon', 'A position has lat and lon');
    if (it.siteCode === undefined && it.lat === undefined && it.lon === undefined)
      fault('siteCode', 'Give siteCode, or lat and lon, or all three');
    if (it.lat === undefined && it.radiusM !== undefined) fault('radiusM', 'A radius goes with lat and lon');
  });

export const sessionBody = z
  .strictObject({
    placeId: callerId,
    space: space.optional(),
    credential: text(64).optional().meta({
      description: 'What the driver names the stay by: a ticket, a plate, a locker.',
      example: 'ticket-4711',
    }),
    startedAt: time,
    endedAt: time.optional(),
  })
  .refine((it) => it.endedAt === undefined || it.endedAt >= it.startedAt, {
    path: ['endedAt'],
    message: 'A stay ends no earlier than it begins',
  });

export const sessionView = z
  .object({
    sessionId: z.string(),
    operatorId: z.string(),
    placeId: z.string(),
    space: z.string().optional(),
    credential: z.string().optional(),
    startedAt: timestamp,
    endedAt: timestamp.optional(),
    rateTableVersion: z.int().optional(),
  })
  .meta({ id: 'ParkingSession' });

export const estimateBody = z
  .strictObject({
    placeId: callerId.optional(),
    rateTable: rateTable.optional(),
    timeZone: timeZone.optional(),
    holidays: holidays.optional(),
    startedAt: time,
    endedAt: time,
  })
  .superRefine((it, context) => {
    const fault = (path: string, message: string) => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (it.placeId !== undefined) {
      for (const path of ['rateTable', 'timeZone', 'holidays'] as const)
        if (it[path] !== undefined) fault(path, 'The place has it: give placeId, or rateTable and timeZone');
    } else {
      if (it.rateTable === undefined) fault('rateTable', 'Give placeId, or rateTable and timeZone');
      if (it.timeZone === undefined) fault('timeZone', 'Give placeId, or rateTable and timeZone');
    }
    const stayMs = Date.parse(it.endedAt) - Date.parse(it.startedAt);
    if (stayMs < 0) fault('endedAt', 'A stay ends no earlier than it begins');
    if (stayMs > MAX_STAY_MS) fault('endedAt', 'A stay is at most 366 days long');
  });

export const feeSchema = z
  .object({
    amount: z.int().meta({ description: 'What the driver pays, tax included, in minor units.' }),
    currency: z.string(),
    taxRatePercent: z.number(),
    taxIncluded: z.boolean(),
    taxAmount: z.int(),
    lines: z.array(
      z.object({
        kind: z.enum(FEE_LINE_KINDS),
        from: timestamp,
        to: timestamp,
        units: z.int(),
        amount: z.int(),
        why: z.string(),
      }),
    ),
    paidUntil: timestamp.meta({ description: 'For an exit up to this moment the fee is the same.' }),
  })
  .meta({ id: 'ParkingFee' });
