import {
  findDebt,
  findDebtOfUser,
  repayDebt,
  sayOfDebt,
  type DebtKey,
  type DebtWord,
} from '../../db/debt.ts';
import type { ApiDeps } from '../deps.ts';
import { requestHash } from '../http/hash.ts';
import { idempotencyMismatch, notFound, Problem } from '../http/problem.ts';
import { route, type Reply, type Route } from '../http/route.ts';
import { hurryRepayment } from '../repayment/start.ts';
import { registerBatch, registerDebt } from './register.ts';
import {
  batchBody,
  batchReply,
  debtBody,
  debtExample,
  debtParams,
  debtView,
  holdBody,
  promiseBody,
  repaymentBody,
  waitingRepayment,
  type RepaymentBody,
} from './schemas.ts';
import { wakeCampaign } from './start.ts';

const HIT = ['Idempotency-Hit'] as const;
const asNow = { 200: { description: 'The debt as it is now.', schema: debtView, headers: HIT } };
const ended = { 409: { description: 'CONFLICT_STATE: the debt has ended; nothing was changed.' } };

/** Unpaid bills of pay-later issuers, and what becomes of them. Ids are the issuer's own. */
export function dunningRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'put',
      path: '/v1/debts/{debtId}',
      tag: 'Dunning',
      summary: 'Register an unpaid bill, or amend it',
      description:
        'The user is reminded from then on: at once if `dueOn` has passed, else from 09:00 of the day after it in the zone of the user. ' +
        'A higher `revision` amends; a lower one is ignored and the answer says so; the same with another body is refused. An amount of zero settles. ' +
        'What was paid before the debt was registered counts.',
      roles: ['issuer'],
      params: debtParams,
      body: debtBody,
      example: debtExample,
      responses: {
        ...asNow,
        404: { description: 'NOT_FOUND: no such user.' },
        409: {
          description: 'CONFLICT_STATE: the debt has ended, or has another user or currency.',
        },
        422: { description: 'IDEMPOTENCY_MISMATCH: this revision was sent with another body.' },
      },
      handle: ({ params, body, principal }) =>
        registerDebt(deps, { issuerId: principal.tenantId, ...params }, body),
    }),
    route({
      method: 'post',
      path: '/v1/debts/batch',
      tag: 'Dunning',
      summary: 'Register or amend up to 1,000 unpaid bills',
      description:
        'Each as by itself: one bad item blocks none. Send the same batch again if no answer comes.',
      roles: ['issuer'],
      body: batchBody,
      example: { items: [{ debtId: 'bill-2026-11-0001', ...debtExample }] },
      responses: {
        200: {
          description: 'One result per item, in the order sent.',
          schema: batchReply,
          example: { results: [{ debtId: 'bill-2026-11-0001', status: 'REGISTERED' }] },
        },
      },
      async handle({ body, principal }) {
        return {
          status: 200,
          body: { results: await registerBatch(deps, principal.tenantId, body.items) },
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/debts/{debtId}',
      tag: 'Dunning',
      summary: 'A debt with every contact, every deferral and what comes next',
      description:
        "For its issuer, and for the devices of its user. If two issuers use one id for a user's debts, the device sees the open one.",
      roles: ['issuer', 'device'],
      params: debtParams,
      responses: { 200: { description: 'The debt.', schema: debtView } },
      async handle({ params: { debtId }, principal: { role, tenantId } }) {
        const found =
          role === 'issuer'
            ? await findDebt(deps.pool, { issuerId: tenantId, debtId })
            : await findDebtOfUser(deps.pool, tenantId, debtId);
        if (found === undefined) throw notFound('debt');
        return { status: 200, body: found };
      },
    }),
    route({
      method: 'post',
      path: '/v1/debts/{debtId}/repayments',
      tag: 'Dunning',
      summary: 'Tell that some or all of a debt was paid',
      description:
        'Once per `repaymentId`, in any order; the last one settles the debt. It may come before the debt is registered: then it waits for it.',
      roles: ['issuer'],
      params: debtParams,
      body: repaymentBody,
      example: { repaymentId: 'deposit-77', amount: 12_300, paidAt: '2026-12-02T03:04:05Z' },
      responses: {
        ...asNow,
        202: {
          description: 'Kept for a debt that is not registered yet.',
          schema: waitingRepayment,
          headers: HIT,
        },
        422: { description: 'IDEMPOTENCY_MISMATCH: this id was used with another body.' },
      },
      handle: ({ params, body, principal }) => repay(deps, { issuerId: principal.tenantId, ...params }, body),
    }),
    route({
      method: 'post',
      path: '/v1/debts/{debtId}/withdraw',
      tag: 'Dunning',
      summary: 'Stop reminding of a debt, for good',
      roles: ['issuer'],
      params: debtParams,
      responses: { ...asNow, ...ended },
      handle: ({ params, principal }) =>
        say(deps, { issuerId: principal.tenantId, ...params }, { kind: 'WITHDRAW', actor: 'issuer' }),
    }),
    route({
      method: 'put',
      path: '/v1/debts/{debtId}/hold',
      tag: 'Dunning',
      summary: 'Hold reminders off until a time',
      description: 'Takes the place of the hold before it. What is due meanwhile comes after it, once.',
      roles: ['issuer'],
      params: debtParams,
      body: holdBody,
      example: { reason: 'complaint', until: '2026-12-31T00:00:00Z' },
      responses: { ...asNow, ...ended },
      handle: ({ params, body, principal }) =>
        say(
          deps,
          { issuerId: principal.tenantId, ...params },
          { kind: 'HOLD', actor: 'issuer', ...body, until: new Date(body.until).toISOString() },
        ),
    }),
    route({
      method: 'delete',
      path: '/v1/debts/{debtId}/hold',
      tag: 'Dunning',
      summary: 'End the hold',
      roles: ['issuer'],
      params: debtParams,
      responses: { ...asNow, ...ended },
      handle: ({ params, principal }) =>
        say(deps, { issuerId: principal.tenantId, ...params }, { kind: 'RELEASE', actor: 'issuer' }),
    }),
    route({
      method: 'put',
      path: '/v1/debts/{debtId}/promise',
      tag: 'Dunning',
      summary: 'Tell that the user has promised to pay',
      description:
        'No reminders to the end of `payOn`, if the promise protects: not if it names no day or one more than a month ahead, if the user has stopped paying, ' +
        'or if one was broken in the two months before. Takes the place of the promise before it.',
      roles: ['issuer'],
      params: debtParams,
      body: promiseBody,
      example: { payOn: '2026-12-15' },
      responses: { ...asNow, ...ended },
      handle: ({ params, body, principal }) =>
        say(deps, { issuerId: principal.tenantId, ...params }, { kind: 'PROMISE', actor: 'issuer', ...body }),
    }),
  ];
}

async function repay(deps: ApiDeps, key: DebtKey, body: RepaymentBody): Promise<Reply> {
  const outcome = await repayDebt(deps.pool, {
    ...key,
    ...body,
    requestHash: requestHash(body),
    at: new Date(),
  });
  const { result, view, wake, ofWallet } = outcome;
  if (result === 'MISMATCH') throw idempotencyMismatch('repaymentId');
  if (ofWallet === true) {
    await hurryRepayment(deps.temporal, { ...key, repaymentId: body.repaymentId }).catch((error: unknown) => {
      deps.log.warn({ err: error }, 'a repayment was not told that its issuer has it');
    });
  }
  if (wake) await wakeCampaign(deps, key);
  const isHit = result === 'SAME' || result === 'WAITING_SAME';
  const headers: Record<string, string> = isHit ? { 'idempotency-hit': 'true' } : {};
  if (view !== null) return { status: 200, body: view, headers };
  const { debtId } = key;
  return { status: 202, body: { debtId, repaymentId: body.repaymentId, waiting: true }, headers };
}

async function say(deps: ApiDeps, key: DebtKey, word: DebtWord): Promise<Reply> {
  const { result, view, wake } = await sayOfDebt(deps.pool, { ...key, ...word, at: new Date() });
  if (result === 'UNKNOWN') throw notFound('debt');
  if (wake) await wakeCampaign(deps, key);
  if (result === 'CLOSED') throw new Problem('CONFLICT_STATE', `The debt has ended as ${view.state}.`);
  return { status: 200, body: view, headers: result === 'SAME' ? { 'idempotency-hit': 'true' } : {} };
}
