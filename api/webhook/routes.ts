import { z } from 'zod';
import { findWebhookEvent, listWebhookEvents } from '../../db/webhook.ts';
import type { ApiDeps } from '../deps.ts';
import { decodeCursor, encodeCursor, pageQuery } from '../http/cursor.ts';
import { notFound, unavailable } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { callerId, timestamp } from '../http/schemas.ts';
import { replayWebhook } from './replay.ts';

const STATUSES = ['PENDING', 'DELIVERED', 'FAILED'] as const;
const pathParams = z.strictObject({ eventId: z.string().regex(/^evt_[a-z0-9_]{1,100}$/) });

const webhookEvent = z
  .object({
    eventId: z.string(),
    merchantId: z.string().nullable().meta({ description: 'Null for an event of an issuer.' }),
    issuerId: z.string().nullable().meta({ description: 'Null for an event of a merchant.' }),
    type: z.string().meta({ example: 'payment.completed' }),
    status: z.enum(STATUSES),
    createdAt: timestamp,
    deliveredAt: timestamp.nullable(),
    body: z.unknown(),
    attempts: z.array(
      z.object({
        attempt: z.int(),
        url: z.string(),
        startedAt: timestamp,
        durationMs: z.int(),
        statusCode: z.int().optional(),
        error: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'WebhookEvent' });

/** Outgoing events, their tries, and delivering one again. */
export function webhookRoutes({ pool, temporal, taskQueue, log }: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/webhook-events',
      tag: 'Webhooks',
      summary: 'Events, newest first',
      roles: ['admin', 'merchant'],
      query: pageQuery.extend({ status: z.enum(STATUSES).optional(), merchantId: callerId.optional() }),
      responses: {
        200: {
          description: 'One page.',
          schema: z.object({ items: z.array(webhookEvent), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ query, principal }) {
        const after = decodeCursor(query.after);
        const page = await listWebhookEvents(pool, {
          status: query.status,
          merchantId: principal.role === 'merchant' ? principal.tenantId : query.merchantId,
          limit: query.limit,
          after: after === undefined ? undefined : { at: after[0], eventId: after[1] },
        });
        const nextCursor = encodeCursor(
          page.next === undefined ? undefined : [page.next.at, page.next.eventId],
        );
        return { status: 200, body: { items: page.items, nextCursor } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/webhook-events/{eventId}',
      tag: 'Webhooks',
      summary: 'An event with every try',
      roles: ['admin', 'merchant'],
      params: pathParams,
      responses: { 200: { description: 'The event.', schema: webhookEvent } },
      async handle({ params, principal }) {
        const event = await findWebhookEvent(pool, params.eventId);
        const isTheirs = principal.role === 'admin' || event?.merchantId === principal.tenantId;
        if (event === undefined || !isTheirs) throw notFound('event');
        return { status: 200, body: event };
      },
    }),
    route({
      method: 'post',
      path: '/v1/webhook-events/{eventId}/replay',
      tag: 'Webhooks',
      summary: 'Deliver an event again, now',
      description: 'The body is the one of the event; endpoint and secrets are those of today.',
      roles: ['admin'],
      params: pathParams,
      responses: { 202: { description: 'Under way.', schema: z.object({ eventId: z.string() }) } },
      async handle({ params }) {
        if ((await findWebhookEvent(pool, params.eventId)) === undefined) throw notFound('event');
        try {
          await replayWebhook(temporal, taskQueue, params.eventId);
        } catch (error) {
          log.warn({ err: error }, 'webhook replay');
          throw unavailable('The replay could not be started; try again.');
        }
        return { status: 202, body: { eventId: params.eventId } };
      },
    }),
  ];
}
