import { z } from 'zod';
import { COMMON_FAULTS, faultSwitch } from '../shared/faults.ts';

const MAX_AMOUNT_MINOR = 999_999_999_999;

/** Chosen by Kessai, the same for ever: what is done under it is done once. */
export const key = z.string().regex(/^[A-Za-z0-9._:-]{1,300}$/, 'A key has 1 to 300 of A-Z a-z 0-9 . _ : -');
const amount = z.int().min(1).max(MAX_AMOUNT_MINOR);
const currency = z.string().regex(/^[A-Z]{3}$/, 'A currency is three capital letters (ISO 4217)');
export const accountRef = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/);

const authorise = z.strictObject({ key, accountRef, amount, currency });
const ofAuthorisation = z.strictObject({ key, authorisationKey: key, amount });

const repayment = z.strictObject({
  key,
  debtId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
  repaymentId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
  amount,
  currency,
  paidAt: z.iso.datetime({ offset: true }),
});

/** Body of each operation. */
export const OPERATION_BODIES = {
  AUTHORISE: authorise,
  CAPTURE: ofAuthorisation,
  VOID: z.strictObject({ key, authorisationKey: key }),
  REFUND: ofAuthorisation,
  REPAYMENT: repayment,
} as const;

export type OperationName = keyof typeof OPERATION_BODIES;

/** An operation as it was asked for. */
export type OperationRequest =
  | ({ readonly operation: 'AUTHORISE' } & z.output<typeof authorise>)
  | ({ readonly operation: 'CAPTURE' | 'REFUND' } & z.output<typeof ofAuthorisation>)
  | { readonly operation: 'VOID'; readonly key: string; readonly authorisationKey: string }
  | ({ readonly operation: 'REPAYMENT' } & z.output<typeof repayment>);

export const statementId = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/);
/** A bill of a month, as the issuer's own staff stores it. `userId` is the wallet's. */
export const statementBody = z.strictObject({
  userId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
  month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'A month is YYYY-MM'),
  amount: z.int().min(0).max(MAX_AMOUNT_MINOR),
  currency: currency.default('JPY'),
  dueOn: z.iso.date(),
});

export const accountBody = z.strictObject({
  limit: z.int().min(0).max(MAX_AMOUNT_MINOR),
  currency: currency.default('JPY'),
});

const ISSUER_FAULTS = [...COMMON_FAULTS, 'NOT_FOUND', 'DECLINE'] as const;

export const faultBody = faultSwitch(
  ['AUTHORISE', 'CAPTURE', 'VOID', 'REFUND', 'REPAYMENT', 'LOOK_UP'],
  ISSUER_FAULTS,
)
  .extend({ key: key.optional() })
  .refine((it) => it.operation !== 'LOOK_UP' || it.fault !== 'DECLINE', 'A look-up declines nothing');

export type IssuerFault = z.output<typeof faultBody>;
