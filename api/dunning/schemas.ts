import { z } from 'zod';
import { MAX_AMOUNT_MINOR } from '../../domain/money.ts';
import {
  DEBT_OUTCOMES,
  DEBT_STATES,
  MESSAGE_EVENT_TYPES,
  MESSAGE_SIGNALS,
} from '../../domain/dunning/debt.ts';
import { callerId, calendarDate, currency, payableAmount, text, timestamp } from '../http/schemas.ts';

/** Offsets that Postgres knows, in this century or the next. */
const time = z.iso
  .datetime({ offset: true })
  .refine((it) => /^2[01]\d\d/.test(it), 'Not a time of this century or the next')
  .refine((it) => !/[+-](1[6-9]|2\d):\d\d$/.test(it), 'There is no such offset')
  .meta({ example: '2026-11-22T03:04:05.678Z' });
const localDate = calendarDate.meta({
  description: "`YYYY-MM-DD`, of the user's time zone.",
  example: '2026-11-30',
});

export const debtParams = z.strictObject({ debtId: callerId });

export const debtBody = z.strictObject({
  userId: callerId,
  amount: z
    .int()
    .min(0)
    .max(MAX_AMOUNT_MINOR)
    .meta({ description: 'Integer minor units (JPY: yen). Zero settles the debt.', example: 12_300 }),
  currency,
  dueOn: localDate,
  revision: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .meta({ description: 'Rises with each amendment; a lower one is ignored.', example: 1 }),
});
export type DebtBody = z.output<typeof debtBody>;

export const MAX_BATCH = 1_000;

/** One item; each is judged by itself, so that a bad one never blocks the rest. */
export const batchItem = debtBody.extend({ debtId: callerId });
export const batchBody = z.strictObject({
  items: z
    .array(z.unknown())
    .min(1)
    .max(MAX_BATCH)
    .meta({ items: z.toJSONSchema(batchItem, { io: 'input', reused: 'inline' }) }),
});
const BATCH_STATUSES = ['REGISTERED', 'AMENDED', 'UNCHANGED', 'IGNORED', 'REFUSED'] as const;
export const batchResult = z.object({
  debtId: z.string(),
  status: z.enum(BATCH_STATUSES),
  code: z
    .string()
    .optional()
    .meta({ description: 'Why it was refused or ignored, as a problem would say it.' }),
  detail: z.string().optional(),
});
export type BatchResult = z.output<typeof batchResult>;
export const batchReply = z.object({ results: z.array(batchResult) });

export const repaymentBody = z.strictObject({ repaymentId: callerId, amount: payableAmount, paidAt: time });
export type RepaymentBody = z.output<typeof repaymentBody>;
export const holdBody = z.strictObject({ reason: text(200), until: time });
export const promiseBody = z.strictObject({
  payOn: localDate.optional(),
  paymentsStopped: z
    .boolean()
    .default(false)
    .meta({ description: 'The user has stopped paying altogether: then a promise does not protect.' }),
});

export const debtView = z
  .object({
    debtId: z.string(),
    userId: z.string(),
    state: z.enum(DEBT_STATES),
    amount: z.int(),
    remainingAmount: z.int(),
    currency: z.string(),
    dueOn: z.string(),
    revision: z.int(),
    policyVersion: z.string(),
    contacts: z.array(
      z.object({
        messageId: z.string(),
        sentAt: timestamp,
        channel: z.enum(['PUSH', 'INBOX']),
        stage: z.int().meta({ description: 'Counted from 0.' }),
        displayedAt: timestamp.optional(),
        openedAt: timestamp.optional(),
        signal: z.enum(MESSAGE_SIGNALS),
      }),
    ),
    deferrals: z.array(z.object({ reason: z.string(), until: timestamp })),
    hold: z.object({ reason: z.string(), until: timestamp }).optional(),
    promise: z
      .object({ payOn: z.string().optional(), paymentsStopped: z.boolean(), promisedAt: timestamp })
      .optional(),
    paymentNotices: z
      .object({ count: z.int(), lastAt: timestamp })
      .optional()
      .meta({ description: 'How often the user was told of it with a payment, and when last.' }),
    nextContact: z.object({ at: timestamp, reason: z.string() }).optional(),
    noSignal: z
      .literal(true)
      .optional()
      .meta({ description: 'Three messages in a row of which no phone has given a sign.' }),
    ignored: z
      .literal('LOWER_REVISION')
      .optional()
      .meta({ description: 'In answer to an amendment that changed nothing.' }),
    closedAt: timestamp.optional(),
    outcome: z.enum(DEBT_OUTCOMES).optional(),
  })
  .meta({ id: 'Debt' });

export const waitingRepayment = z
  .object({ debtId: z.string(), repaymentId: z.string(), waiting: z.literal(true) })
  .meta({ id: 'WaitingRepayment' });

export const messageView = z
  .object({
    messageId: z.string(),
    kind: z.enum(['DUNNING', 'PAYMENT']).meta({
      description:
        'PAYMENT: the receipt of an offline payment, of which the phone heard nothing at the till.',
    }),
    title: z.string(),
    body: z.string(),
    link: z.string(),
    debtId: z.string().optional(),
    debtState: z.enum(DEBT_STATES).optional(),
    paymentId: z.string().optional(),
    createdAt: timestamp,
    displayedAt: timestamp.optional(),
    openedAt: timestamp.optional(),
  })
  .meta({ id: 'Message' });
export const messageParams = z.strictObject({ messageId: z.string().regex(/^msg_[0-9a-f]{1,64}$/) });
export const messageEventBody = z.strictObject({
  eventId: callerId,
  type: z.enum(MESSAGE_EVENT_TYPES),
  at: time.meta({ description: "By the device's own clock." }),
});

export const debtExample = {
  userId: 'alice',
  amount: 12_300,
  currency: 'JPY',
  dueOn: '2026-11-30',
  revision: 1,
};
