import { newId } from '../../db/id.ts';
import { findRefundTarget } from '../../db/refund.ts';
import type { RefundFailCode, RefundView } from '../../domain/refund/refund.ts';
import type { RefundInput, RefundOutcome } from '../../workflows/refund/contract.ts';
import type { ApiDeps } from '../deps.ts';
import { requestHash } from '../http/hash.ts';
import { idempotencyMismatch, notFound, Problem, unavailable } from '../http/problem.ts';
import type { Reply } from '../http/route.ts';
import { findPendingPayment } from '../payment/start.ts';
import type { RefundRequest } from './schemas.ts';
import { findPendingRefund, startRefund } from './start.ts';

/** Why nothing is given back, in a sentence that is as true at the hundredth repeat as at the first answer. */
const FAIL_DETAILS = {
  CONFLICT_STATE:
    'The payment was not COMPLETED when this refund was asked for, so there was nothing to give back.',
  REFUND_WINDOW_CLOSED: 'The payment was too old for a refund when this one was asked for.',
  REFUND_EXCEEDS_REMAINING: 'This refund was for more than what was left of the payment.',
  REFUND_REFUSED_BY_ISSUER: 'The pay-later partner did not take this refund.',
  REFUND_GIVEN_UP: 'This refund did not reach the pay-later partner; an operator has ended it.',
} as const satisfies Record<RefundFailCode, string>;

/** A merchant's request, to its answer: given back (200), under way (202), refused for good, or an error that changed nothing. */
export async function submitRefundRequest(
  deps: ApiDeps,
  merchantId: string,
  merchantPaymentId: string,
  body: RefundRequest,
  attemptId: string,
): Promise<Reply> {
  const { merchantRefundId } = body;
  const asked = { requestHash: requestHash({ merchantPaymentId, ...body }), attemptId };
  const look = () => findRefundTarget(deps.pool, merchantId, merchantPaymentId, merchantRefundId);

  const { stored, payment } = await look();
  // What was asked for under this id once is answered for good, whatever has become of payment and workflow since.
  if (stored !== null && stored.requestHash !== asked.requestHash)
    throw idempotencyMismatch('merchantRefundId');
  if (stored !== null && stored.view.status !== 'IN_PROGRESS') return reply(stored, asked);
  if (payment === null) throw await noPayment(deps, merchantId, merchantPaymentId);
  if (!payment.isDecided) throw notDecided();

  const input: RefundInput = { ...body, ...asked, merchantId, merchantPaymentId, refundId: newId('ref') };
  const started = await startRefund(input, payment, deps);
  if (started.kind === 'decided') return reply(started.outcome, asked);

  const late = (await look()).stored;
  if (late !== null) return reply(late, asked);
  const pending = await findPendingRefund(deps.temporal, merchantId, merchantRefundId).catch(
    (error: unknown) => {
      deps.log.warn({ err: error, cause: started.cause }, 'refund start is unknown');
      throw unavailable(
        'The payment system is not reachable. Send the same request again; nothing can be given back twice.',
      );
    },
  );
  if (pending !== undefined) return reply({ ...pending, attemptId: null }, asked);
  deps.log.warn({ err: started.cause }, 'refund was not started');
  throw unavailable(
    'The refund was not started. Send the same request again; nothing can be given back twice.',
  );
}

/** 404, or 409 for a payment that is on its way to its decision: then nothing is kept, and it can be asked again. */
async function noPayment(deps: ApiDeps, merchantId: string, merchantPaymentId: string): Promise<Problem> {
  const pending = await findPendingPayment(deps.temporal, merchantId, merchantPaymentId).catch(
    (error: unknown) => {
      deps.log.warn({ err: error }, 'payment look-up without Temporal');
      throw unavailable('The payment is not decided, and the payment system is not reachable.');
    },
  );
  return pending === undefined ? notFound('payment') : notDecided();
}

function notDecided(): Problem {
  return new Problem(
    'CONFLICT_STATE',
    'The payment is not decided yet; this refund was not kept, ask again later.',
  );
}

function reply(
  outcome: Omit<RefundOutcome, 'attemptId'> & { readonly attemptId: string | null },
  asked: { readonly requestHash: string; readonly attemptId: string },
): Reply {
  if (outcome.requestHash !== asked.requestHash) throw idempotencyMismatch('merchantRefundId');
  const { view } = outcome;
  if (view.status === 'IN_PROGRESS') return inProgressReply(view);
  const headers: Record<string, string> =
    outcome.attemptId === asked.attemptId ? {} : { 'idempotency-hit': 'true' };
  if (view.failCode !== undefined) throw new Problem(view.failCode, FAIL_DETAILS[view.failCode], { headers });
  return { status: 200, body: view, headers };
}

/** 202 with the place to ask again. */
function inProgressReply(view: RefundView): Reply {
  return {
    status: 202,
    body: view,
    headers: {
      location: `/v1/payments/${view.merchantPaymentId}/refunds/${view.merchantRefundId}`,
      'retry-after': '2',
    },
  };
}
