import { z } from 'zod';
import { createKey, revokeKey, ROLES } from '../../db/key.ts';
import { isMerchant } from '../../db/merchant.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { callerId, text } from '../http/schemas.ts';

/** Keys for the systems around Kessai. Devices get theirs by enrolling. */
export function keyRoutes({ pool }: ApiDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/keys',
      tag: 'Administration',
      summary: 'A new API key, shown once',
      roles: ['admin'],
      body: z.strictObject({
        role: z.enum(ROLES.filter((role) => role !== 'device')),
        tenantId: callerId.meta({
          description: 'The merchant, issuer, operator or service that the key speaks for.',
        }),
        name: text(100),
      }),
      example: { role: 'merchant', tenantId: 'demo-mart', name: 'tills of demo mart' },
      responses: {
        201: {
          description: 'The key. Only its hash is kept.',
          schema: z.object({ keyId: z.string(), key: z.string() }),
        },
      },
      async handle({ body }) {
        if (body.role === 'merchant' && !(await isMerchant(pool, body.tenantId))) throw notFound('merchant');
        return { status: 201, body: await createKey(pool, body) };
      },
    }),
    route({
      method: 'delete',
      path: '/v1/keys/{keyId}',
      tag: 'Administration',
      summary: 'Revoke a key at once',
      description:
        "With a device's key its offline keys and push subscriptions end too: a lost phone pays and hears no more.",
      roles: ['admin'],
      params: z.strictObject({ keyId: z.string().regex(/^key_[0-9a-f]{32}$/) }),
      responses: { 204: { description: 'Revoked, now or before.' } },
      async handle({ params }) {
        if (!(await revokeKey(pool, params.keyId))) throw notFound('key');
        return { status: 204 };
      },
    }),
  ];
}
