import { z } from 'zod';
import { MAX_PUSH_SUBSCRIPTIONS, subscribeToPush, unsubscribeFromPush } from '../../db/push-subscription.ts';
import { assertDefined } from '../../domain/assert.ts';
import { pushEndpointFault } from '../../domain/push/endpoint.ts';
import type { ApiDeps } from '../deps.ts';
import { invalidRequest, notFound, Problem } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { subscriptionBody, subscriptionExample, subscriptionParams, subscriptionView } from './schemas.ts';

/** Where a user's browsers take push messages (RFC 8030, 8291, 8292). */
export function pushRoutes({ pool, sealer, push }: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/push/public-key',
      tag: 'Push',
      summary: 'The key that a browser subscribes with',
      description: "`applicationServerKey` of `pushManager.subscribe()`, in base64url: Kessai's VAPID key.",
      roles: ['device'],
      responses: {
        200: {
          description: 'The key.',
          schema: z.object({ publicKey: z.string() }),
          example: {
            publicKey:
              'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
          },
        },
        404: { description: 'NOT_FOUND: push is off here; messages are in the inbox.' },
      },
      handle() {
        if (push === undefined) throw notFound('key: push is off here');
        return Promise.resolve({ status: 200, body: { publicKey: push.publicKey } });
      },
    }),
    route({
      method: 'put',
      path: '/v1/push-subscriptions/{id}',
      tag: 'Push',
      summary: 'Take push messages at a browser',
      description:
        "The body is `PushSubscription.toJSON()`. The same `id` again replaces the device's subscription before it; an endpoint that another device had is this one's from then on. " +
        `At most ${MAX_PUSH_SUBSCRIPTIONS} a device. It ends when the push service says so, with the device's token, or by a delete.`,
      roles: ['device'],
      params: subscriptionParams,
      body: subscriptionBody,
      example: subscriptionExample,
      responses: {
        200: { description: 'Stored.', schema: subscriptionView, headers: ['Idempotency-Hit'] },
        409: { description: 'CONFLICT_STATE: the device has too many, or push is off here.' },
      },
      async handle({ params, body, principal }) {
        if (push === undefined)
          throw new Problem('CONFLICT_STATE', 'Push is off here: messages are in the inbox.');
        const { endpoint, keys, showAmounts } = body;
        const fault = pushEndpointFault(endpoint, push.hosts);
        if (fault !== undefined)
          throw invalidRequest([{ pointer: '/endpoint', code: 'CUSTOM', detail: fault, in: 'body' }]);
        const outcome = await subscribeToPush(pool, sealer, {
          deviceId: assertDefined(principal.deviceId ?? undefined),
          userId: principal.tenantId,
          subscriptionId: params.id,
          target: { endpoint, keys },
          showAmounts,
          at: new Date(),
        });
        if (outcome.result === 'TOO_MANY') {
          throw new Problem(
            'CONFLICT_STATE',
            `The device has ${MAX_PUSH_SUBSCRIPTIONS} subscriptions; delete one first.`,
          );
        }
        const { host } = new URL(endpoint);
        return {
          status: 200,
          body: { subscriptionId: params.id, host, showAmounts, createdAt: outcome.createdAt },
          headers: outcome.result === 'SAME' ? { 'idempotency-hit': 'true' } : {},
        };
      },
    }),
    route({
      method: 'delete',
      path: '/v1/push-subscriptions/{id}',
      tag: 'Push',
      summary: 'Take no more push messages there',
      roles: ['device'],
      params: subscriptionParams,
      responses: { 204: { description: 'It has ended.' } },
      async handle({ params, principal }) {
        const deviceId = assertDefined(principal.deviceId ?? undefined);
        const it = { deviceId, subscriptionId: params.id, at: new Date() };
        if (!(await unsubscribeFromPush(pool, it))) throw notFound('subscription');
        return { status: 204 };
      },
    }),
  ];
}
