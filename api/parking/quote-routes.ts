import { z } from 'zod';
import { listOperatorAttempts } from '../../db/parking-settlement.ts';
import { findParkingOperator } from '../../db/parking.ts';
import { rotateWebhookSecret } from '../../db/webhook.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { callerId, signingSecret, timestamp } from '../http/schemas.ts';
import { quoteStay } from './quote.ts';
import { quoteExample, quoteRequest, quoteView, quoteViewExample } from './quote-schemas.ts';

const operatorParams = z.strictObject({ operatorId: callerId });

const attempt = z.object({
  key: z.string(),
  operation: z.enum(['FEE', 'COMPLETION', 'CANCELLATION']),
  url: z.string(),
  startedAt: timestamp,
  durationMs: z.int(),
  statusCode: z.int().optional(),
  outcome: z.enum(['ANSWERED', 'NOT_FOUND', 'SILENT']),
  error: z.string().optional(),
});

/** What a stay costs now, and the operators' servers that are asked and told. */
export function quoteRoutes(deps: ApiDeps): Route[] {
  const { pool, sealer } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/parking/quotes',
      tag: 'Parking',
      summary: 'What is left to pay for a stay, now',
      description:
        'By the operator’s server, within 2 s, or by our rate table. It can be paid until `expiresAt`: until the next step of the tariff, a minute at least and five at most. ' +
        'What was paid for the stay before is taken off; a driver who still has time to leave owes nothing.',
      roles: ['device'],
      body: quoteRequest,
      example: quoteExample,
      responses: {
        201: { description: 'The quote.', schema: quoteView, example: quoteViewExample },
        404: { description: 'NOT_FOUND: no such place, or nobody has told of a stay there.' },
        409: { description: 'CONFLICT_STATE: nothing says a fee, or it is in another currency.' },
      },
      async handle({ body, principal }) {
        const {
          userId: _,
          operatorPhone: _phone,
          invoiceNumber: _invoice,
          release: _release,
          ...quote
        } = await quoteStay(deps, principal.tenantId, body);
        return { status: 201, body: quote };
      },
    }),
    route({
      method: 'post',
      path: '/v1/parking/operators/{operatorId}/signing-secret',
      tag: 'Parking',
      summary: 'A new secret that signs our calls, shown once',
      description:
        'The secret before it goes on signing beside the new one for 24 hours, so the operator can change over. Without one its server is not called.',
      roles: ['admin'],
      params: operatorParams,
      responses: { 201: { description: 'The secret.', schema: signingSecret } },
      async handle({ params }) {
        if ((await findParkingOperator(pool, params.operatorId)) === undefined) throw notFound('operator');
        const owner = { kind: 'PARKING', id: params.operatorId } as const;
        return { status: 201, body: await rotateWebhookSecret(pool, sealer, owner, new Date()) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/parking/operators/{operatorId}/attempts',
      tag: 'Parking',
      summary: 'Every call to an operator’s server under one key',
      description:
        'In the order in which they ended, the first 300. Keys: `REFERENCE:completion`, `REFERENCE:cancellation`.',
      roles: ['admin'],
      params: operatorParams,
      query: z.strictObject({ key: z.string().regex(/^[A-Za-z0-9._:-]{1,300}$/) }),
      responses: { 200: { description: 'The calls.', schema: z.object({ items: z.array(attempt) }) } },
      async handle({ params, query }) {
        if ((await findParkingOperator(pool, params.operatorId)) === undefined) throw notFound('operator');
        return {
          status: 200,
          body: { items: await listOperatorAttempts(pool, params.operatorId, query.key) },
        };
      },
    }),
  ];
}
