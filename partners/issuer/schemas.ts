import { z } from 'zod';

const MAX_AMOUNT_MINOR = 999_999_999_999;

/** Chosen by Kessai, the same for ever: what is done under it is done once. */
export const key = z.string().regex(/^[A-Za-z0-9._:-]{1,300}$/, 'A key has 1 to 300 of A-Z a-z 0-9 . _ : -');
const amount = z.int().min(1).max(MAX_AMOUNT_MINOR);
const currency = z.string().regex(/^[A-Z]{3}$/, 'A currency is three capital letters (ISO 4217)');
export const accountRef = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/);

const authorise = z.strictObject({ key, accountRef, amount, currency });
const ofAuthorisation = z.strictObject({ key, authorisationKey: key, amount });

/** Body of each operation. */
export const OPERATION_BODIES = {
  AUTHORISE: authorise,
  CAPTURE: ofAuthorisation,
  VOID: z.strictObject({ key, authorisationKey: key }),
  REFUND: ofAuthorisation,
} as const;

export type OperationName = keyof typeof OPERATION_BODIES;

/** An operation as it was asked for. */
export type OperationRequest =
  | ({ readonly operation: 'AUTHORISE' } & z.output<typeof authorise>)
  | ({ readonly operation: 'CAPTURE' | 'REFUND' } & z.output<typeof ofAuthorisation>)
  | { readonly operation: 'VOID'; readonly key: string; readonly authorisationKey: string };

export const accountBody = z.strictObject({
  limit: z.int().min(0).max(MAX_AMOUNT_MINOR),
  currency: currency.default('JPY'),
});

/** One, or two while they rotate. */
export const secretsBody = z.strictObject({
  secrets: z
    .array(z.string().regex(/^whsec_[A-Za-z0-9+/]{32,100}={0,2}$/, 'whsec_ and Base64'))
    .min(1)
    .max(2),
});

export const FAULTS = [
  'TIME_OUT_AFTER_COMMIT',
  'TIME_OUT_BEFORE',
  'ERROR_500',
  'SLOW',
  'NOT_FOUND',
  'DECLINE',
] as const;

export const faultsBody = z
  .array(
    z
      .strictObject({
        operation: z.enum(['AUTHORISE', 'CAPTURE', 'VOID', 'REFUND', 'LOOK_UP']),
        fault: z.enum(FAULTS),
        times: z.int().min(1).max(1_000_000),
        delayMs: z.int().min(0).max(600_000).optional(),
      })
      .refine((it) => it.operation !== 'LOOK_UP' || it.fault !== 'DECLINE', 'A look-up declines nothing'),
  )
  .max(100);
