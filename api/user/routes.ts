import { z } from 'zod';
import { createEnrolment } from '../../db/device.ts';
import { accountId, postTransfer } from '../../db/ledger.ts';
import { createUser, findUser, setUserStatus, USER_CURRENCY } from '../../db/user.ts';
import type { ApiDeps } from '../deps.ts';
import { requestHash } from '../http/hash.ts';
import { idempotencyMismatch, notFound } from '../http/problem.ts';
import { requireTimeZone } from '../http/time-zone.ts';
import { route, type Route } from '../http/route.ts';
import { callerId, payableAmount, text, timestamp, timeZone } from '../http/schemas.ts';

const ENROLMENT_TTL_MS = 24 * 3_600_000;
const pathParams = z.strictObject({ userId: callerId });

const userBody = z.strictObject({
  userId: callerId,
  displayName: text(100),
  locale: z.enum(['ja', 'en']).meta({ description: 'Language of messages.' }),
  timeZone,
});

const topUpBody = z.strictObject({
  topUpId: callerId,
  amount: payableAmount,
  currency: z.literal(USER_CURRENCY),
});

/** Users, the money on their accounts and the codes with which their devices enrol. */
export function userRoutes({ pool }: ApiDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/users',
      tag: 'Administration',
      summary: 'A new user with an empty account',
      roles: ['admin'],
      body: userBody,
      example: { userId: 'alice', displayName: 'Alice', locale: 'ja', timeZone: 'Asia/Tokyo' },
      responses: {
        201: {
          description: 'The user. `Idempotency-Hit: true` on a repeat.',
          schema: userBody,
          headers: ['Idempotency-Hit'],
        },
      },
      async handle({ body }) {
        await requireTimeZone(pool, body.timeZone);
        const result = await createUser(pool, { ...body, requestHash: requestHash(body) });
        if (result === 'MISMATCH') throw idempotencyMismatch('userId');
        return { status: 201, body, headers: result === 'EXISTING' ? { 'idempotency-hit': 'true' } : {} };
      },
    }),
    route({
      method: 'put',
      path: '/v1/users/{userId}/status',
      tag: 'Administration',
      summary: 'Suspend a user, or let them pay again',
      roles: ['admin'],
      params: pathParams,
      body: z.strictObject({ status: z.enum(['ACTIVE', 'SUSPENDED']) }),
      example: { status: 'SUSPENDED' },
      responses: {
        200: { description: 'Done.', schema: z.object({ userId: z.string(), status: z.string() }) },
      },
      async handle({ params, body }) {
        if (!(await setUserStatus(pool, params.userId, body.status))) throw notFound('user');
        return { status: 200, body: { userId: params.userId, status: body.status } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/users/{userId}/enrolments',
      tag: 'Administration',
      summary: 'A code with which one device can enrol, once, within 24 hours',
      roles: ['admin'],
      params: pathParams,
      responses: {
        201: {
          description: 'The code, shown once.',
          schema: z.object({ enrolmentCode: z.string(), expiresAt: timestamp }),
        },
      },
      async handle({ params }) {
        if ((await findUser(pool, params.userId)) === undefined) throw notFound('user');
        const expiresAt = new Date(Date.now() + ENROLMENT_TTL_MS);
        return {
          status: 201,
          body: { enrolmentCode: await createEnrolment(pool, params.userId, expiresAt), expiresAt },
        };
      },
    }),
    route({
      method: 'post',
      path: '/v1/users/{userId}/top-ups',
      tag: 'Administration',
      summary: "Fund a user's balance",
      roles: ['admin'],
      params: pathParams,
      body: topUpBody,
      example: { topUpId: 'top-up-1', amount: 10_000, currency: 'JPY' },
      responses: {
        201: {
          description: 'Posted. `Idempotency-Hit: true` if it had been before.',
          schema: topUpBody.extend({ userId: z.string() }),
          headers: ['Idempotency-Hit'],
        },
      },
      async handle({ params, body }) {
        const { userId } = params;
        if ((await findUser(pool, userId)) === undefined) throw notFound('user');
        const posted = await postTransfer(pool, {
          transferId: `topup:${userId}:${body.topUpId}`,
          kind: 'TOP_UP',
          currency: body.currency,
          postedAt: new Date(),
          entries: [
            { accountId: accountId.funding(body.currency), amount: -body.amount },
            { accountId: accountId.user(userId, body.currency), amount: body.amount },
          ],
        });
        if (posted === 'ID_REUSED') throw idempotencyMismatch('topUpId');
        return {
          status: 201,
          body: { ...body, userId },
          headers: posted === 'ALREADY_POSTED' ? { 'idempotency-hit': 'true' } : {},
        };
      },
    }),
  ];
}
