import { z } from 'zod';
import { hearOfMessage, listMessages } from '../../db/debt.ts';
import { assertDefined } from '../../domain/assert.ts';
import type { ApiDeps } from '../deps.ts';
import { decodeCursor, encodeCursor, pageQuery } from '../http/cursor.ts';
import { idempotencyMismatch, notFound } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { messageEventBody, messageParams, messageView } from './schemas.ts';
import { wakeCampaign } from './start.ts';

/** A user's inbox, and what devices tell of the messages in it. */
export function messageRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/me/messages',
      tag: 'Wallet',
      summary: "The user's messages, newest first",
      description:
        '`debtState` is as of now: a message about a debt that is SETTLED leads to "already paid".',
      roles: ['device'],
      query: pageQuery,
      responses: {
        200: {
          description: 'One page.',
          schema: z.object({ items: z.array(messageView), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ principal, query }) {
        const after = decodeCursor(query.after);
        const { items, next } = await listMessages(
          deps.pool,
          principal.tenantId,
          query.limit,
          after === undefined ? undefined : { at: after[0], messageId: after[1] },
        );
        const nextCursor = encodeCursor(next === undefined ? undefined : [next.at, next.messageId]);
        return { status: 200, body: { items, nextCursor } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/messages/{messageId}/events',
      tag: 'Wallet',
      summary: 'Tell that a message was displayed, opened or dismissed',
      description:
        'Once per `eventId`, in any order. When the next reminder comes depends on whether one was opened.',
      roles: ['device'],
      params: messageParams,
      body: messageEventBody,
      example: { eventId: 'event-1', type: 'OPENED', at: '2026-12-01T00:10:00Z' },
      responses: {
        200: { description: 'The message as it is now.', schema: messageView, headers: ['Idempotency-Hit'] },
        422: { description: 'IDEMPOTENCY_MISMATCH: this id was used with another body.' },
      },
      async handle({ params, body, principal }) {
        const heard = await hearOfMessage(deps.pool, {
          ...params,
          ...body,
          userId: principal.tenantId,
          deviceId: assertDefined(principal.deviceId ?? undefined),
          receivedAt: new Date(),
        });
        if (heard.result === 'UNKNOWN') throw notFound('message');
        if (heard.result === 'MISMATCH') throw idempotencyMismatch('eventId');
        if (heard.wake) await wakeCampaign(deps, heard);
        return {
          status: 200,
          body: heard.view,
          headers: heard.result === 'SAME' ? { 'idempotency-hit': 'true' } : {},
        };
      },
    }),
  ];
}
