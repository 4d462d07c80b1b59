import { z } from 'zod';
import { COMMON_FAULTS, faultSwitch } from '../shared/faults.ts';

const MAX_AMOUNT_MINOR = 999_999_999;

const name = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'An id has 1 to 64 of A-Z a-z 0-9 . _ -');
export const sessionId = name;
export const placeId = name;
const space = z
  .string()
  .regex(/^[\p{L}\p{N}._ -]{1,32}$/u, 'A space has up to 32 letters, digits, . _ - and blanks');
/** A ticket's number or a licence plate. */
const credential = z.string().min(1).max(64);
const at = z.iso.datetime({ offset: true }).transform((it) => new Date(it));
const amount = z.int().min(0).max(MAX_AMOUNT_MINOR);

const hasWhere = (it: { space?: unknown; credential?: unknown }): boolean =>
  it.space !== undefined || it.credential !== undefined;
const NO_WHERE = { message: 'Say which stay: space or credential', path: ['space'] };

/** Which stay is meant. */
const where = { placeId, space: space.optional(), credential: credential.optional() };
export const stayBody = z.strictObject(where).refine(hasWhere, NO_WHERE);
export type Where = z.output<typeof stayBody>;

/** From Kessai: as a stranger's, it may have more fields one day than are known here. */
export const feeBody = z.object({ ...where, at }).refine(hasWhere, NO_WHERE);

export const settlementId = z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/);

export const completionBody = z.object({
  settlementId,
  sessionId,
  placeId,
  space: space.nullish(),
  amount,
  currency: z.string().regex(/^[A-Z]{3}$/),
  paidAt: at,
  exitBy: at,
  releasedBy: z.literal('OPERATOR').nullish(),
});
export type Completion = z.output<typeof completionBody>;

export const cancellationBody = z.object({ settlementId });

export const machineBody = z.strictObject({ machinePaymentId: name, ...where }).refine(hasWhere, NO_WHERE);
export type MachinePayment = z.output<typeof machineBody>;

export const entryBody = z
  .strictObject({ sessionId: sessionId.optional(), ...where, at: at.optional() })
  .refine(hasWhere, NO_WHERE);
export type Entry = z.output<typeof entryBody>;

export const exitBody = z.strictObject({ ...where, at: at.optional() }).refine(hasWhere, NO_WHERE);

/** The operator's own rate: simple on purpose, Kessai's engine has the others. */
export const tariff = z.strictObject({
  unitMinutes: z.int().min(1).max(1_440).default(30),
  unitAmount: amount.min(1),
  /** The most for each 24 hours after entry. */
  dayMaximum: amount.min(1).optional(),
  exitGraceMinutes: z.int().min(0).max(240).default(5),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .default('JPY'),
  taxRatePercent: z.int().min(0).max(50).default(10),
});
export type Tariff = z.output<typeof tariff>;

export const placeBody = z.strictObject({
  name: z.string().min(1).max(100),
  spaces: z.array(space).max(500).default([]),
  tariff,
  /** Whether an amount that this server has not calculated is enough: where Kessai may quote while it is down. */
  acceptsOtherFees: z.boolean().default(false),
});
export type PlaceBody = z.output<typeof placeBody>;

export const kessaiBody = z.strictObject({
  baseUrl: z.url({ protocol: /^https?$/ }),
  key: z.string().min(1).max(200),
});

export const OPERATIONS = ['FEE_CALCULATION', 'COMPLETION', 'CANCELLATION'] as const;

export const faultBody = faultSwitch(
  [...OPERATIONS, 'ALL'],
  [...COMMON_FAULTS, 'NOT_FOUND', 'DOWN', 'OPENS_TWICE', 'ANSWERS_LATER'],
).refine(
  (it) => it.operation === 'COMPLETION' || !['OPENS_TWICE', 'ANSWERS_LATER'].includes(it.fault),
  'Only a completion opens and can be answered later',
);
export type ParkingFault = z.output<typeof faultBody>;
