import { z } from 'zod';
import { newId } from '../../db/id.ts';
import { findRefundTarget, listRefunds } from '../../db/refund.ts';
import type { ApiDeps } from '../deps.ts';
import { decodeCursor, encodeCursor, pageQuery } from '../http/cursor.ts';
import { notFound, unavailable } from '../http/problem.ts';
import { route, type Reply, type Route } from '../http/route.ts';
import { callerId } from '../http/schemas.ts';
import {
  refundExample,
  refundRequest,
  refundUnderWayExample,
  refundView,
  refundViewExample,
} from './schemas.ts';
import { findPendingRefund } from './start.ts';
import { submitRefundRequest } from './submit.ts';

const paymentParams = z.strictObject({ merchantPaymentId: callerId });
const refundParams = z.strictObject({ merchantPaymentId: callerId, merchantRefundId: callerId });

/** Refunds, for merchants. */
export function refundRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/payments/{merchantPaymentId}/refunds',
      tag: 'Refunds',
      summary: 'Give a part or all of a payment back',
      description:
        'Several are possible up to the amount of the payment, within 365 days of its decision; the money goes back to where it came from. ' +
        'The answer stands for the `merchantRefundId` for good, also a refusal: it is kept as a FAILED refund. ' +
        'A pay-later partner may take longer than 2.5 s: then 202, and `Location` is where to ask. ' +
        'A time-out is never a failure: send the same body again under the same id, nothing can be given back twice.',
      roles: ['merchant'],
      params: paymentParams,
      body: refundRequest,
      example: refundExample,
      responses: {
        200: {
          description: 'COMPLETED. `Idempotency-Hit: true` if it had been before.',
          schema: refundView,
          example: refundViewExample,
          headers: ['Idempotency-Hit'],
        },
        202: {
          description: 'IN_PROGRESS: the amount is reserved. `Location` is where to ask.',
          schema: refundView,
          example: refundUnderWayExample,
          headers: ['Location', 'Retry-After'],
        },
        404: { description: 'NOT_FOUND: no such payment of this merchant; nothing is kept.' },
        409: {
          description:
            'CONFLICT_STATE: the payment is not COMPLETED. Kept for good, unless the payment is not decided yet: then ask again.',
          headers: ['Idempotency-Hit'],
        },
        422: {
          description:
            'REFUND_EXCEEDS_REMAINING, REFUND_WINDOW_CLOSED, REFUND_REFUSED_BY_ISSUER or REFUND_GIVEN_UP: nothing is given back, ' +
            'the answer is kept. IDEMPOTENCY_MISMATCH: this id was used with another body or payment.',
          headers: ['Idempotency-Hit'],
        },
      },
      handle: ({ params, body, principal, requestId }) =>
        submitRefundRequest(
          deps,
          principal.tenantId,
          params.merchantPaymentId,
          body,
          // A caller may send the same X-Request-Id twice, so an attempt gets an id of its own.
          `${newId('req')}:${requestId}`,
        ),
    }),
    route({
      method: 'get',
      path: '/v1/payments/{merchantPaymentId}/refunds/{merchantRefundId}',
      tag: 'Refunds',
      summary: 'A refund as it is now',
      roles: ['merchant'],
      params: refundParams,
      responses: { 200: { description: 'The refund.', schema: refundView, example: refundViewExample } },
      handle: ({ params, principal }) => lookUp(deps, principal.tenantId, params),
    }),
    route({
      method: 'get',
      path: '/v1/payments/{merchantPaymentId}/refunds',
      tag: 'Refunds',
      summary: 'Refunds of a payment, newest first',
      description:
        'Also those that FAILED. What Kessai gave back itself after a dispute is not the merchant’s and not listed.',
      roles: ['merchant'],
      params: paymentParams,
      query: pageQuery,
      responses: {
        200: {
          description: 'One page.',
          schema: z.object({ items: z.array(refundView), nextCursor: z.string().nullable() }),
          example: { items: [refundViewExample], nextCursor: null },
        },
      },
      async handle({ params, query, principal }) {
        const after = decodeCursor(query.after);
        const page = await listRefunds(
          deps.pool,
          principal.tenantId,
          params.merchantPaymentId,
          query.limit,
          after === undefined ? undefined : { at: after[0], refundId: after[1] },
        );
        if (page === undefined) throw notFound('payment');
        const nextCursor = encodeCursor(
          page.next === undefined ? undefined : [page.next.at, page.next.refundId],
        );
        return { status: 200, body: { items: page.items, nextCursor } };
      },
    }),
  ];
}

async function lookUp(
  deps: ApiDeps,
  merchantId: string,
  { merchantPaymentId, merchantRefundId }: z.output<typeof refundParams>,
): Promise<Reply> {
  const look = async () => {
    const { stored } = await findRefundTarget(deps.pool, merchantId, merchantPaymentId, merchantRefundId);
    return stored?.view.merchantPaymentId === merchantPaymentId ? stored.view : undefined;
  };
  const stored = await look();
  if (stored !== undefined) return { status: 200, body: stored };
  const pending = await findPendingRefund(deps.temporal, merchantId, merchantRefundId).catch(
    (error: unknown) => {
      deps.log.warn({ err: error }, 'refund look-up without Temporal');
      throw unavailable('The refund is not decided, and the payment system is not reachable.');
    },
  );
  if (pending?.view.merchantPaymentId === merchantPaymentId) return { status: 200, body: pending.view };
  // Decided between the two looks.
  const late = await look();
  if (late !== undefined) return { status: 200, body: late };
  throw notFound('refund');
}
