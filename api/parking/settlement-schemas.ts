import { z } from 'zod';
import { RELEASE_OUTCOMES, SETTLEMENT_STATES } from '../../domain/parking/settlement.ts';
import { DECLINE_CODES, FUNDING_SOURCES } from '../../domain/payment/payment.ts';
import { callerId, timestamp } from '../http/schemas.ts';

export const settlementRequest = z.strictObject({
  settlementId: callerId,
  quoteId: callerId,
  fundingSource: z.enum(FUNDING_SOURCES).default('BALANCE'),
});
export type SettlementRequest = z.output<typeof settlementRequest>;

const receipt = z.object({
  invoiceNumber: z.string().optional(),
  operatorName: z.string(),
  placeName: z.string(),
  space: z.string().optional(),
  amount: z.int(),
  currency: z.string(),
  taxRatePercent: z.number(),
  taxAmount: z.int().meta({ description: 'Contained in `amount`.' }),
  issuedAt: timestamp,
});

export const settlementView = z
  .object({
    settlementId: z.string(),
    reference: z.string().meta({ description: "Kessai's own id: the one that the operator knows." }),
    state: z.enum(SETTLEMENT_STATES),
    declineCode: z.enum(DECLINE_CODES).optional(),
    operatorId: z.string(),
    operatorName: z.string(),
    placeId: z.string(),
    placeName: z.string(),
    space: z.string().optional(),
    quoteId: z.string(),
    sessionId: z.string(),
    startedAt: timestamp,
    saidByDriver: z
      .literal(true)
      .optional()
      .meta({ description: 'The driver said when the stay began; the operator checks it.' }),
    amount: z.int(),
    currency: z.string(),
    fundingSource: z.enum(FUNDING_SOURCES),
    releaseCode: z.string().meta({
      description:
        'Four digits that the operator sees, too: to know that both speak of the same car. They open nothing.',
    }),
    requestedAt: timestamp,
    paidAt: timestamp.optional(),
    exitBy: timestamp,
    releasedAt: timestamp.optional(),
    releasedBy: z.enum(['SERVER', 'OPERATOR']).optional(),
    exitedAt: timestamp.optional(),
    cancelRequestedAt: timestamp.optional(),
    refund: z
      .object({
        status: z.enum(['IN_PROGRESS', 'COMPLETED', 'FAILED']),
        reason: z.enum(['NOT_RELEASED', 'ALREADY_SETTLED', 'CANCELED']),
        at: timestamp.optional(),
      })
      .optional(),
    receipt: receipt.optional(),
    acknowledgements: z
      .object({
        device: z.object({ at: timestamp }).nullable(),
        operator: z.object({ at: timestamp, outcome: z.enum(RELEASE_OUTCOMES) }).nullable(),
      })
      .meta({
        description: 'Two separate ones: the driver has seen it; the operator’s server has answered.',
      }),
  })
  .meta({ id: 'ParkingSettlement' });

export const settlementOfOperator = settlementView
  .omit({ settlementId: true })
  .extend({
    settlementId: z.string().meta({ description: 'Kessai’s reference.' }),
    answers: z
      .array(
        z.object({
          at: timestamp,
          source: z.enum(['SERVER', 'CONFIRMATION', 'OPERATOR', 'DRIVER']),
          outcome: z.string().optional(),
          isObeyed: z.boolean().optional(),
          detail: z.string().optional(),
        }),
      )
      .meta({
        description: 'What was said of it, obeyed or not; without `isObeyed` it was not looked at yet.',
      }),
  })
  .meta({ id: 'ParkingSettlementOfOperator' });

export const confirmationRequest = z.strictObject({ eventId: callerId, outcome: z.enum(RELEASE_OUTCOMES) });

export const settlementExample = {
  settlementId: 'park-2026-0001',
  quoteId: 'quo_019aa0c5f3a1b2c3d4e5f60718293a4b',
  fundingSource: 'BALANCE',
};

export const settlementViewExample = {
  settlementId: 'park-2026-0001',
  reference: 'set_019aa0c5f3a1b2c3d4e5f60718293a4b',
  state: 'PAID',
  operatorId: 'central-parking',
  operatorName: 'Central Parking',
  placeId: 'central-1',
  placeName: 'Central 1',
  space: '12',
  quoteId: 'quo_019aa0c5f3a1b2c3d4e5f60718293a4b',
  sessionId: 's-4711',
  startedAt: '2026-11-22T01:04:05.678Z',
  amount: 660,
  currency: 'JPY',
  fundingSource: 'BALANCE',
  releaseCode: '4821',
  requestedAt: '2026-11-22T03:04:05.678Z',
  paidAt: '2026-11-22T03:04:05.701Z',
  exitBy: '2026-11-22T03:14:00.000Z',
  receipt: {
    invoiceNumber: 'T1234567890123',
    operatorName: 'Central Parking',
    placeName: 'Central 1',
    space: '12',
    amount: 660,
    currency: 'JPY',
    taxRatePercent: 10,
    taxAmount: 60,
    issuedAt: '2026-11-22T03:04:05.701Z',
  },
  acknowledgements: { device: null, operator: null },
};
