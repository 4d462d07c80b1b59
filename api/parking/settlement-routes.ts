import { z } from 'zod';
import { newId } from '../../db/id.ts';
import {
  findSettlement,
  findSettlementOfOperator,
  keepConfirmation,
  markSettlementSeen,
} from '../../db/parking-settlement.ts';
import { assertDefined } from '../../domain/assert.ts';
import type { ReleaseOutcome } from '../../domain/parking/settlement.ts';
import type { ApiDeps } from '../deps.ts';
import { idempotencyMismatch, notFound, Problem, unavailable } from '../http/problem.ts';
import { route, type Reply, type Route } from '../http/route.ts';
import { callerId } from '../http/schemas.ts';
import {
  confirmationRequest,
  settlementExample,
  settlementOfOperator,
  settlementRequest,
  settlementView,
  settlementViewExample,
} from './settlement-schemas.ts';
import { askToCancel, findPendingSettlement, wakeSettlement } from './settlement-start.ts';
import { inProgressReply, submitSettlement } from './settlement-submit.ts';

const pathParams = z.strictObject({ settlementId: callerId });
const ASK_AGAIN = ['Location', 'Retry-After'] as const;

/** Paying for a stay, and what becomes of the driver. */
export function settlementRoutesOfParking(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/parking/settlements',
      tag: 'Parking',
      summary: 'Pay a quote',
      description:
        'Answers with the decision, PAID or DECLINED, or 202 when it takes longer than 2.5 s. The operator is told after that: see ' +
        '`GET`, or the events `parking.released`, `parking.awaiting_operator`, `parking.refunded`. ' +
        'A quote that cannot be paid any more charges nothing and is not kept: ask for a new one, and send it under the same id or another.',
      roles: ['device'],
      body: settlementRequest,
      example: settlementExample,
      responses: {
        200: {
          description: 'Decided: PAID or DECLINED. `Idempotency-Hit: true` if it had been decided before.',
          schema: settlementView,
          example: settlementViewExample,
          headers: ['Idempotency-Hit'],
        },
        202: {
          description: 'PAYING. `Location` is where to ask.',
          schema: settlementView,
          headers: ASK_AGAIN,
        },
        404: { description: 'NOT_FOUND: no such quote of this user.' },
        409: {
          description:
            'QUOTE_EXPIRED, or CONFLICT_STATE: there is nothing to pay, or something was paid after the quote. Nothing was charged.',
        },
        422: { description: 'IDEMPOTENCY_MISMATCH: this id has paid another quote.' },
      },
      handle: ({ body, principal, requestId }) =>
        submitSettlement(
          deps,
          {
            userId: principal.tenantId,
            deviceId: assertDefined(principal.deviceId ?? undefined),
            attemptId: `${newId('req')}:${requestId}`,
          },
          body,
        ),
    }),
    route({
      method: 'get',
      path: '/v1/parking/settlements/{settlementId}',
      tag: 'Parking',
      summary: 'A settlement as it is now',
      description:
        "For the driver by the phone's own id; for the operator's server by Kessai's reference, with all that was said of it.",
      roles: ['device', 'parking'],
      params: pathParams,
      responses: {
        200: {
          description: 'The settlement; `answers` for operators alone.',
          schema: z.union([settlementOfOperator, settlementView]),
          example: settlementViewExample,
        },
      },
      handle: ({ params, principal }) =>
        principal.role === 'parking'
          ? lookUpOfOperator(deps, principal.tenantId, params.settlementId)
          : lookUp(deps, principal.tenantId, params.settlementId),
    }),
    route({
      method: 'post',
      path: '/v1/parking/settlements/{settlementId}/seen',
      tag: 'Parking',
      summary: 'The driver has the settlement on the screen',
      description:
        'The acknowledgement of the device, apart from the operator’s. An event on the stream is no proof of it: it says that something was sent, not that anybody saw it.',
      roles: ['device'],
      params: pathParams,
      responses: { 200: { description: 'The settlement.', schema: settlementView } },
      async handle({ params, principal }) {
        const view = await markSettlementSeen(deps.pool, principal.tenantId, params.settlementId);
        if (view === undefined) throw notFound('settlement');
        return { status: 200, body: view };
      },
    }),
    route({
      method: 'post',
      path: '/v1/parking/settlements/{settlementId}/cancel',
      tag: 'Parking',
      summary: 'It was the wrong space: take it back',
      description:
        'Within three minutes of paying and before the car has left. The operator is asked first: what it has released cannot be taken back. Repeating is safe.',
      roles: ['device'],
      params: pathParams,
      responses: {
        200: { description: 'REFUNDED.', schema: settlementView },
        202: { description: 'The operator has not said yet.', schema: settlementView, headers: ASK_AGAIN },
        409: { description: 'CONFLICT_STATE: too late, or the car has been let out.' },
      },
      handle: ({ params, principal }) => cancel(deps, principal.tenantId, params.settlementId),
    }),
    route({
      method: 'post',
      path: '/v1/parking/settlements/{settlementId}/confirmations',
      tag: 'Parking',
      summary: 'What became of the driver, said by the operator’s server on its own',
      description:
        'For a completion that was answered 202, or before one has arrived. The first answer counts; another one is kept and shown, not obeyed. ' +
        'Repeat an event under its `eventId` until it is answered 200.',
      roles: ['parking'],
      params: pathParams,
      body: confirmationRequest,
      example: { eventId: 'ev-1', outcome: 'RELEASED' },
      responses: {
        200: { description: 'Kept. The settlement as it is at this moment.', schema: settlementView },
        404: { description: 'NOT_FOUND: no settlement of this operator has this reference.' },
        422: { description: 'IDEMPOTENCY_MISMATCH: this event said something else before.' },
      },
      handle: ({ params, body, principal }) => confirm(deps, principal.tenantId, params.settlementId, body),
    }),
  ];
}

async function lookUp(deps: ApiDeps, userId: string, settlementId: string): Promise<Reply> {
  const stored = await findSettlement(deps.pool, userId, settlementId);
  if (stored !== undefined) return { status: 200, body: stored.now };
  const pending = await findPendingSettlement(deps.temporal, userId, settlementId).catch((error: unknown) => {
    deps.log.warn({ err: error }, 'settlement look-up without Temporal');
    throw unavailable('The settlement is not decided, and the payment system is not reachable.');
  });
  if (pending !== undefined) return { status: 200, body: pending.settlement };
  // Decided between the two looks.
  const late = await findSettlement(deps.pool, userId, settlementId);
  if (late !== undefined) return { status: 200, body: late.now };
  throw notFound('settlement');
}

async function lookUpOfOperator(deps: ApiDeps, operatorId: string, reference: string): Promise<Reply> {
  const found = await findSettlementOfOperator(deps.pool, operatorId, reference);
  if (found === undefined) throw notFound('settlement');
  return { status: 200, body: { ...found.view, settlementId: reference, answers: found.answers } };
}

async function cancel(deps: ApiDeps, userId: string, settlementId: string): Promise<Reply> {
  const look = () => findSettlement(deps.pool, userId, settlementId);
  const before = await look();
  if (before === undefined) throw notFound('settlement');
  if (before.now.paidAt === undefined)
    throw new Problem('CONFLICT_STATE', `The settlement is ${before.now.state}: nothing was paid yet.`);
  const asked =
    before.now.state === 'REFUNDED' ? undefined : await askToCancel({ userId, settlementId }, deps);
  if (asked?.kind === 'unknown')
    deps.log.info({ err: asked.cause }, 'a cancel of a settlement is not decided');
  const { now } = assertDefined(await look());
  if (now.state === 'REFUNDED') return { status: 200, body: now };
  if (asked?.kind === 'decided' && asked.outcome.kind === 'refused')
    throw new Problem('CONFLICT_STATE', asked.outcome.detail);
  if (now.refund?.status === 'FAILED')
    throw new Problem('CONFLICT_STATE', 'The money could not be given back; a person looks at it.');
  const isOver = now.state === 'EXITED' || now.state === 'OVERSTAYED';
  if (isOver) throw new Problem('CONFLICT_STATE', `The settlement is ${now.state}.`);
  return inProgressReply(now);
}

async function confirm(
  deps: ApiDeps,
  operatorId: string,
  reference: string,
  { eventId, outcome }: { eventId: string; outcome: ReleaseOutcome },
): Promise<Reply> {
  const kept = await keepConfirmation(deps.pool, {
    operatorId,
    ref: reference,
    eventId,
    outcome,
    at: new Date().toISOString(),
  });
  if (kept === undefined) throw notFound('settlement');
  if (kept.kind === 'mismatch') throw idempotencyMismatch('eventId');
  await wakeSettlement(deps, kept, { eventId, outcome }).catch((error: unknown) => {
    deps.log.warn({ err: error }, 'a settlement was not woken');
    throw unavailable('It is kept, but nobody could be woken. Send the same event again.');
  });
  return { status: 200, body: { ...kept.view, settlementId: reference } };
}
