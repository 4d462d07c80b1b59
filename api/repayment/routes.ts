import { z } from 'zod';
import { newId } from '../../db/id.ts';
import { findRepaymentTarget } from '../../db/repayment.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound, unavailable } from '../http/problem.ts';
import { route, type Reply, type Route } from '../http/route.ts';
import { callerId } from '../http/schemas.ts';
import {
  repaymentExample,
  repaymentRequest,
  repaymentUnderWayExample,
  repaymentView,
  repaymentViewExample,
} from './schemas.ts';
import { findPendingRepayment } from './start.ts';
import { submitRepaymentRequest } from './submit.ts';

const debtParams = z.strictObject({ debtId: callerId });
const repaymentParams = z.strictObject({ debtId: callerId, repaymentId: callerId });

/** Debts paid from the wallet, for devices. */
export function repaymentRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/debts/{debtId}/pay',
      tag: 'Wallet',
      summary: 'Pay a debt, or a part of it, from the balance',
      description:
        'The money is held until the issuer has confirmed that it has it; reminders pause meanwhile. An issuer may take longer than 2.5 s: then 202, and ' +
        '`Location` is where to ask; the stream tells the end as `repayment.decided`. The answer stands for the `repaymentId` for good, also a refusal. ' +
        'A time-out is never a failure: send the same body again under the same id, nothing can be paid twice.',
      roles: ['device'],
      params: debtParams,
      body: repaymentRequest,
      example: repaymentExample,
      responses: {
        200: {
          description: 'COMPLETED: the issuer has it. `Idempotency-Hit: true` if it had been before.',
          schema: repaymentView,
          example: repaymentViewExample,
          headers: ['Idempotency-Hit'],
        },
        202: {
          description: 'IN_PROGRESS: the money is held. `Location` is where to ask.',
          schema: repaymentView,
          example: repaymentUnderWayExample,
          headers: ['Location', 'Retry-After'],
        },
        404: { description: 'NOT_FOUND: the user has no such debt; nothing is kept.' },
        409: {
          description: 'CONFLICT_STATE: the debt is settled or withdrawn.',
          headers: ['Idempotency-Hit'],
        },
        422: {
          description:
            'REPAYMENT_EXCEEDS_REMAINING, INSUFFICIENT_FUNDS, CURRENCY_NOT_HELD, ACCOUNT_SUSPENDED, REPAYMENT_NOT_OFFERED, REPAYMENT_ID_TAKEN, ' +
            'REPAYMENT_REFUSED_BY_ISSUER or REPAYMENT_GIVEN_UP: no money has moved, the answer is kept. IDEMPOTENCY_MISMATCH: this id was used with another body.',
          headers: ['Idempotency-Hit'],
        },
      },
      handle: ({ params, body, principal, requestId }) =>
        submitRepaymentRequest(
          deps,
          principal.tenantId,
          params.debtId,
          body,
          // A caller may send the same X-Request-Id twice, so an attempt gets an id of its own.
          `${newId('req')}:${requestId}`,
        ),
    }),
    route({
      method: 'get',
      path: '/v1/debts/{debtId}/repayments/{repaymentId}',
      tag: 'Wallet',
      summary: "A repayment from the user's wallet as it is now",
      roles: ['device'],
      params: repaymentParams,
      responses: {
        200: { description: 'The repayment.', schema: repaymentView, example: repaymentViewExample },
      },
      handle: ({ params, principal }) => lookUp(deps, principal.tenantId, params),
    }),
  ];
}

async function lookUp(
  deps: ApiDeps,
  userId: string,
  { debtId, repaymentId }: z.output<typeof repaymentParams>,
): Promise<Reply> {
  const look = () => findRepaymentTarget(deps.pool, userId, debtId, repaymentId);
  const { stored, debt } = await look();
  if (stored !== null) return { status: 200, body: stored.view };
  if (debt === null) throw notFound('repayment');
  const key = { issuerId: debt.issuerId, debtId, repaymentId };
  const pending = await findPendingRepayment(deps.temporal, key).catch((error: unknown) => {
    deps.log.warn({ err: error }, 'repayment look-up without Temporal');
    throw unavailable('The repayment is not decided, and the payment system is not reachable.');
  });
  if (pending !== undefined) return { status: 200, body: pending.view };
  // Begun and decided between the two looks.
  const late = (await look()).stored;
  if (late !== null) return { status: 200, body: late.view };
  throw notFound('repayment');
}
