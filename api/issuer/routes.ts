import { z } from 'zod';
import { findIssuer, listIssuerAttempts, putIssuer, putPayLaterAccount } from '../../db/issuer.ts';
import { rotateWebhookSecret } from '../../db/webhook.ts';
import type { ApiDeps } from '../deps.ts';
import { endpointUrl } from '../http/endpoint-url.ts';
import { notFound } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { callerId, signingSecret, text, timestamp, timeZone } from '../http/schemas.ts';
import { requireTimeZone } from '../http/time-zone.ts';

const pathParams = z.strictObject({ issuerId: callerId });

const issuerBody = z.strictObject({
  name: text(100),
  baseUrl: endpointUrl
    .refine((it) => !/[?#]/.test(it), 'No query and no fragment: paths are put behind it')
    .transform((it) => it.replace(/\/+$/, ''))
    .meta({ description: 'Its endpoints are under this address.', example: 'https://credit.example/kessai' }),
  timeZone,
});

const issuer = z
  .object({ issuerId: z.string(), name: z.string(), baseUrl: z.string(), timeZone: z.string() })
  .meta({ id: 'Issuer' });

const operationKey = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,300}$/)
  .meta({ description: 'Key of an operation.', example: 'payment:demo-mart:order-1:authorise' });

const attempt = z.object({
  key: z.string(),
  operation: z.enum(['AUTHORISE', 'CAPTURE', 'VOID', 'REFUND', 'REPAYMENT', 'LOOK_UP']),
  url: z.string(),
  startedAt: timestamp,
  durationMs: z.int(),
  statusCode: z.int().optional(),
  outcome: z.enum(['DONE', 'REFUSED', 'NOT_FOUND', 'UNKNOWN']),
  error: z.string().optional(),
  released: z
    .int()
    .optional()
    .meta({ description: 'What a void gave back, in minor units, as the issuer says.' }),
});

const payLaterBody = z.strictObject({
  issuerId: callerId,
  accountRef: callerId.meta({
    description: "The issuer's own name for the account: never the name of a person.",
    example: 'ref-8f21',
  }),
});

/** Pay-later issuers and the credit of users there. */
export function issuerRoutes({ pool, sealer }: ApiDeps): Route[] {
  return [
    route({
      method: 'put',
      path: '/v1/issuers/{issuerId}',
      tag: 'Pay later',
      summary: 'Store a pay-later issuer',
      description:
        'Replaces what was stored; calls go to the new address from now on. It can be asked once it has a signing secret.',
      roles: ['admin'],
      params: pathParams,
      body: issuerBody,
      example: { name: 'Demo Credit', baseUrl: 'https://credit.example/kessai', timeZone: 'Asia/Tokyo' },
      responses: { 200: { description: 'The issuer as stored.', schema: issuer } },
      async handle({ params, body }) {
        await requireTimeZone(pool, body.timeZone);
        const stored = { ...params, ...body };
        await putIssuer(pool, stored);
        return { status: 200, body: stored };
      },
    }),
    route({
      method: 'get',
      path: '/v1/issuers/{issuerId}',
      tag: 'Pay later',
      summary: 'An issuer as stored',
      roles: ['admin'],
      params: pathParams,
      responses: { 200: { description: 'The issuer.', schema: issuer } },
      async handle({ params }) {
        const found = await findIssuer(pool, params.issuerId);
        if (found === undefined) throw notFound('issuer');
        return { status: 200, body: found };
      },
    }),
    route({
      method: 'post',
      path: '/v1/issuers/{issuerId}/signing-secret',
      tag: 'Pay later',
      summary: 'A new secret that signs our calls, shown once',
      description:
        'The secret before it goes on signing beside the new one for 24 hours, so the issuer can change over.',
      roles: ['admin'],
      params: pathParams,
      responses: {
        201: { description: 'The secret.', schema: signingSecret },
      },
      async handle({ params }) {
        if ((await findIssuer(pool, params.issuerId)) === undefined) throw notFound('issuer');
        const owner = { kind: 'ISSUER', id: params.issuerId } as const;
        return { status: 201, body: await rotateWebhookSecret(pool, sealer, owner, new Date()) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/issuers/{issuerId}/attempts',
      tag: 'Pay later',
      summary: 'Every call to an issuer under one key',
      description: 'In the order in which they ended, the first 200.',
      roles: ['admin'],
      params: pathParams,
      query: z.strictObject({ key: operationKey }),
      responses: { 200: { description: 'The calls.', schema: z.object({ items: z.array(attempt) }) } },
      async handle({ params, query }) {
        if ((await findIssuer(pool, params.issuerId)) === undefined) throw notFound('issuer');
        return { status: 200, body: { items: await listIssuerAttempts(pool, params.issuerId, query.key) } };
      },
    }),
    route({
      method: 'put',
      path: '/v1/users/{userId}/pay-later',
      tag: 'Pay later',
      summary: 'Let a user pay later on an account at an issuer',
      description: 'Replaces the account before; payments that are under way keep theirs.',
      roles: ['admin'],
      params: z.strictObject({ userId: callerId }),
      body: payLaterBody,
      example: { issuerId: 'demo-issuer', accountRef: 'ref-8f21' },
      responses: {
        200: { description: 'The account.', schema: payLaterBody.extend({ userId: z.string() }) },
      },
      async handle({ params, body }) {
        const account = { ...params, ...body };
        const result = await putPayLaterAccount(pool, account);
        if (result === 'UNKNOWN_USER') throw notFound('user');
        if (result === 'UNKNOWN_ISSUER') throw notFound('issuer');
        return { status: 200, body: account };
      },
    }),
  ];
}
