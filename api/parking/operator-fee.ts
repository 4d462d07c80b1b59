import { z } from 'zod';
import { newId } from '../../db/id.ts';
import { MAX_AMOUNT_MINOR } from '../../domain/money.ts';
import type { OperatorReply } from '../../domain/parking/operator-call.ts';
import type { ApiDeps } from '../deps.ts';
import { callerId, currency, text } from '../http/schemas.ts';

/** A driver waits for it. */
const DEADLINE_MS = 2_000;

const amount = z.int().min(0).max(MAX_AMOUNT_MINOR);

/** What an operator's server says of a fee (docs/partner-parking-operator.md). */
const feeAnswer = z
  .object({
    sessionId: callerId,
    startedAt: z.iso.datetime({ offset: true }),
    amount,
    currency,
    taxRatePercent: z.number().min(0).max(100),
    taxAmount: amount,
    lines: z.array(z.object({ description: text(300), amount: z.int() })).max(500),
    validUntil: z.iso.datetime({ offset: true }),
    isSettled: z.boolean(),
  })
  .refine((it) => it.taxAmount <= it.amount);
export type OperatorFee = z.output<typeof feeAnswer>;

/** Asks an operator's server what is left to pay of a stay, once. */
export function askFee(
  { callOperator }: Pick<ApiDeps, 'callOperator'>,
  operatorId: string,
  stay: { placeId: string; space?: string | undefined; credential?: string | undefined; at: string },
): Promise<OperatorReply<OperatorFee>> {
  return callOperator({
    operatorId,
    key: newId('fee'),
    operation: 'FEE',
    path: '/v1/fee-calculations',
    body: stay,
    timeoutMs: DEADLINE_MS,
    read: (body) => feeAnswer.safeParse(body).data,
  });
}
