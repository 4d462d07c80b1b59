import { z } from 'zod';
import { newId } from '../../db/id.ts';
import { isMerchant } from '../../db/merchant.ts';
import { findPayment } from '../../db/payment.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound, Problem, unavailable } from '../http/problem.ts';
import { route, type Reply, type Route } from '../http/route.ts';
import { callerId, text } from '../http/schemas.ts';
import { paymentExample, paymentRequest, paymentView, paymentViewExample } from './schemas.ts';
import { findPendingPayment, startPaymentCancel } from './start.ts';
import { inProgressReply, submitPayment } from './submit.ts';

const pathParams = z.strictObject({ merchantPaymentId: callerId });
const ASK_AGAIN = ['Location', 'Retry-After'] as const;

/** Code payments, for tills. */
export function paymentRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/payments',
      tag: 'Payments',
      summary: 'Take a payment with the code a phone shows',
      description:
        'Answers with the decision, or 202 when it takes longer than 2.5 s: then ask `GET /v1/payments/{merchantPaymentId}` every 2-3 seconds. ' +
        'A time-out is never a failure: send the same body again under the same `merchantPaymentId`, it cannot be taken twice. ' +
        'A decline is a decision and answers 200; a code is spent by it too.',
      roles: ['merchant'],
      body: paymentRequest,
      example: paymentExample,
      responses: {
        200: {
          description:
            'Decided: COMPLETED or DECLINED. `Idempotency-Hit: true` if it had been decided before.',
          schema: paymentView,
          example: paymentViewExample,
          headers: ['Idempotency-Hit'],
        },
        202: {
          description: 'IN_PROGRESS. `Location` is where to ask.',
          schema: paymentView,
          headers: ASK_AGAIN,
        },
        404: { description: 'NOT_FOUND: the store or terminal is not one of this merchant.' },
      },
      handle: ({ body, principal, requestId }) =>
        submitPayment(deps, principal.tenantId, body, attemptId(requestId)),
    }),
    route({
      method: 'get',
      path: '/v1/payments/{merchantPaymentId}',
      tag: 'Payments',
      summary: 'A payment as it is now',
      roles: ['merchant'],
      params: pathParams,
      responses: { 200: { description: 'The payment.', schema: paymentView, example: paymentViewExample } },
      handle: ({ params, principal }) => lookUp(deps, principal.tenantId, params.merchantPaymentId),
    }),
    route({
      method: 'post',
      path: '/v1/payments/{merchantPaymentId}/cancel',
      tag: 'Payments',
      summary: 'Take a payment back in full',
      description:
        'For whatever state the payment is in, until 00:15 local time of the next day. For an id never seen it leaves a tombstone: ' +
        'a request with that id that arrives later is declined as CANCELED. A declined payment stays declined. Repeating is safe.',
      roles: ['merchant'],
      params: pathParams,
      body: z.strictObject({ reason: text(200).optional() }),
      example: { reason: 'customer changed their mind' },
      responses: {
        200: { description: 'The payment, CANCELED or DECLINED: nothing is taken.', schema: paymentView },
        202: {
          description: 'Under way; `Location` is where to ask.',
          schema: paymentView,
          headers: ASK_AGAIN,
        },
        409: {
          description:
            'CONFLICT_STATE: too late, or refunded. While a refund is on its way this is for now: if that fails, asking again cancels.',
        },
      },
      handle: ({ params, body, principal }) =>
        cancel(deps, principal.tenantId, params.merchantPaymentId, body.reason),
    }),
  ];
}

/** A caller may send the same X-Request-Id twice, so an attempt gets an id of its own. */
function attemptId(requestId: string): string {
  return `${newId('req')}:${requestId}`;
}

async function lookUp(deps: ApiDeps, merchantId: string, merchantPaymentId: string): Promise<Reply> {
  const stored = await findPayment(deps.pool, merchantId, merchantPaymentId);
  // A tombstone may have a request behind it that is on its way to being declined.
  const isDecided = stored !== undefined && stored.requestHash !== null;
  if (isDecided) return { status: 200, body: stored.view };
  const pending = await findPendingPayment(deps.temporal, merchantId, merchantPaymentId).catch(
    (error: unknown) => {
      deps.log.warn({ err: error }, 'payment look-up without Temporal');
      throw unavailable('The payment is not decided, and the payment system is not reachable.');
    },
  );
  if (pending !== undefined) return { status: 200, body: pending.view };
  // Decided between the two looks, or a tombstone and nothing else.
  const late = await findPayment(deps.pool, merchantId, merchantPaymentId);
  if (late !== undefined) return { status: 200, body: late.view };
  throw notFound('payment');
}

async function cancel(
  deps: ApiDeps,
  merchantId: string,
  merchantPaymentId: string,
  reason: string | undefined,
): Promise<Reply> {
  if (!(await isMerchant(deps.pool, merchantId))) throw notFound('merchant');
  const input = { merchantId, merchantPaymentId, paymentId: newId('pay'), reason };
  let started = await startPaymentCancel(input, deps);
  // Temporal keeps an update's answer, and this one may be of a refund that has failed meanwhile.
  const isForNow =
    started.kind === 'decided' && started.outcome.kind === 'refused' && started.outcome.isForNow;
  if (isForNow === true) started = await startPaymentCancel(input, deps, newId('req'));
  if (started.kind === 'decided') {
    const { outcome } = started;
    if (outcome.kind === 'done') return { status: 200, body: outcome.view };
    if (outcome.kind === 'refused') throw new Problem('CONFLICT_STATE', outcome.detail);
  }
  const stored = await findPayment(deps.pool, merchantId, merchantPaymentId);
  const isOver = stored?.view.status === 'CANCELED' || stored?.view.status === 'DECLINED';
  if (stored !== undefined && isOver) return { status: 200, body: stored.view };
  if (started.kind === 'unknown') deps.log.warn({ err: started.cause }, 'cancel is not decided');
  if (stored !== undefined) return inProgressReply(stored.view);
  throw unavailable('The cancellation is not decided. Send the same request again until it is.');
}
