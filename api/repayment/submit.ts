import { findRepaymentTarget } from '../../db/repayment.ts';
import type { RepaymentFailCode, RepaymentView } from '../../domain/repayment/repayment.ts';
import type { RepaymentInput } from '../../workflows/repayment/contract.ts';
import type { ApiDeps } from '../deps.ts';
import { requestHash } from '../http/hash.ts';
import { idempotencyMismatch, notFound, Problem, unavailable } from '../http/problem.ts';
import type { Reply } from '../http/route.ts';
import type { RepaymentRequest } from './schemas.ts';
import { findPendingRepayment, startRepayment } from './start.ts';

/** Why no money has moved, in a sentence that is as true at the hundredth repeat as at the first answer. */
const FAIL_DETAILS = {
  CONFLICT_STATE: 'The debt had been settled or withdrawn when this repayment was asked for.',
  ACCOUNT_SUSPENDED: 'The user was suspended when this repayment was asked for.',
  REPAYMENT_NOT_OFFERED: 'The issuer took no repayments through Kessai when this one was asked for.',
  REPAYMENT_ID_TAKEN: 'The issuer had told of a repayment under this id before.',
  REPAYMENT_EXCEEDS_REMAINING:
    'This repayment was for more than what was left of the debt, or there was nothing left.',
  CURRENCY_NOT_HELD: 'The user had no balance in the currency of the debt.',
  INSUFFICIENT_FUNDS: 'The available balance did not cover this repayment.',
  REPAYMENT_REFUSED_BY_ISSUER: 'The issuer did not take this repayment; the money is back.',
  REPAYMENT_GIVEN_UP: 'This repayment did not reach the issuer; an operator has ended it, the money is back.',
} as const satisfies Record<RepaymentFailCode, string>;

/** What a repeat is told from. */
interface Asked {
  readonly requestHash: string;
  readonly attemptId: string;
}

/** A user's request, to its answer: paid (200), under way (202), refused for good, or an error that changed nothing. */
export async function submitRepaymentRequest(
  deps: ApiDeps,
  userId: string,
  debtId: string,
  body: RepaymentRequest,
  attemptId: string,
): Promise<Reply> {
  const { repaymentId } = body;
  const asked: Asked = { requestHash: requestHash(body), attemptId };
  const look = () => findRepaymentTarget(deps.pool, userId, debtId, repaymentId);

  const { stored, debt } = await look();
  // What was asked for under this id once is answered for good, whatever has become of debt and workflow since.
  if (stored !== null && stored.requestHash !== asked.requestHash) throw idempotencyMismatch('repaymentId');
  if (stored !== null && stored.view.status !== 'IN_PROGRESS') return reply(stored, asked);
  if (debt === null) throw notFound('debt');

  const issuerId = stored?.issuerId ?? debt.issuerId;
  const input: RepaymentInput = { ...body, ...asked, issuerId, debtId, userId };
  const started = await startRepayment(input, debt, deps);
  if (started.kind === 'decided') return reply(started.outcome, asked);

  const late = (await look()).stored;
  if (late !== null) return reply(late, asked);
  const pending = await findPendingRepayment(deps.temporal, input).catch((error: unknown) => {
    deps.log.warn({ err: error, cause: started.cause }, 'repayment start is unknown');
    throw unavailable(
      'The payment system is not reachable. Send the same request again; nothing can be paid twice.',
    );
  });
  if (pending !== undefined) return reply({ ...pending, attemptId: null }, asked);
  deps.log.warn({ err: started.cause }, 'repayment was not started');
  throw unavailable('The repayment was not started. Send the same request again; nothing can be paid twice.');
}

function reply(
  outcome: {
    readonly view: RepaymentView;
    readonly requestHash: string;
    readonly attemptId: string | null;
  },
  asked: Asked,
): Reply {
  if (outcome.requestHash !== asked.requestHash) throw idempotencyMismatch('repaymentId');
  const { view } = outcome;
  if (view.status === 'IN_PROGRESS') return inProgressReply(view);
  const headers: Record<string, string> =
    outcome.attemptId === asked.attemptId ? {} : { 'idempotency-hit': 'true' };
  if (view.failCode !== undefined) throw new Problem(view.failCode, FAIL_DETAILS[view.failCode], { headers });
  return { status: 200, body: view, headers };
}

/** 202 with the place to ask again. */
function inProgressReply(view: RepaymentView): Reply {
  return {
    status: 202,
    body: view,
    headers: { location: `/v1/debts/${view.debtId}/repayments/${view.repaymentId}`, 'retry-after': '2' },
  };
}
