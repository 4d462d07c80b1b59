import { z } from 'zod';
import { findMerchant, putMerchant } from '../../db/merchant.ts';
import { findWebhookSecrets, rotateWebhookSecret } from '../../db/webhook.ts';
import type { ApiDeps } from '../deps.ts';
import { endpointUrl } from '../http/endpoint-url.ts';
import { notFound, Problem } from '../http/problem.ts';
import { requireTimeZone } from '../http/time-zone.ts';
import { route, type Route } from '../http/route.ts';
import { callerId, currency, signingSecret, text, timeZone } from '../http/schemas.ts';

const pathParams = z.strictObject({ merchantId: callerId });

const merchantBody = z.strictObject({
  name: text(100),
  timeZone,
  currency: currency.default('JPY'),
  webhook: z.strictObject({ url: endpointUrl }).optional(),
  stores: z
    .array(z.strictObject({ storeId: callerId, name: text(100), terminals: z.array(callerId).max(1_000) }))
    .max(1_000)
    .refine((stores) => isUnique(stores.map((it) => it.storeId)), 'Each storeId stands once')
    .refine(
      (stores) => stores.every((it) => isUnique(it.terminals)),
      'Each terminal stands once in its store',
    ),
});

const isUnique = (ids: readonly string[]): boolean => new Set(ids).size === ids.length;

/** Merchants with their stores and tills. */
export function merchantRoutes({ pool, sealer }: ApiDeps): Route[] {
  return [
    route({
      method: 'put',
      path: '/v1/merchants/{merchantId}',
      tag: 'Administration',
      summary: 'Store a merchant',
      description:
        'Replaces what was stored. With the first `webhook` comes its signing secret, shown once (Standard Webhooks, `whsec_`).',
      roles: ['admin'],
      params: pathParams,
      body: merchantBody,
      example: {
        name: 'Demo Mart',
        timeZone: 'Asia/Tokyo',
        currency: 'JPY',
        webhook: { url: 'https://shop.example/kessai' },
        stores: [{ storeId: 'store-1', name: 'Shibuya', terminals: ['till-1', 'till-2'] }],
      },
      responses: {
        200: {
          description: 'The merchant as stored.',
          schema: merchantBody.extend({
            merchantId: z.string(),
            webhook: z.object({ url: z.string(), secret: z.string().optional() }).optional(),
          }),
        },
        422: { description: "CURRENCY_FIXED: a merchant's currency cannot change." },
      },
      async handle({ params, body }) {
        await requireTimeZone(pool, body.timeZone);
        const { merchantId } = params;
        const { webhook, ...rest } = body;
        const result = await putMerchant(pool, { ...rest, merchantId, webhookUrl: webhook?.url ?? null });
        if (result.kind === 'currency_fixed') {
          throw new Problem(
            'CURRENCY_FIXED',
            "A merchant's currency cannot change: its account is kept in it.",
          );
        }
        if (webhook === undefined) return { status: 200, body: { merchantId, ...rest } };
        const owner = { kind: 'MERCHANT', id: merchantId } as const;
        const isFirst = (await findWebhookSecrets(pool, owner)).length === 0;
        const secret = isFirst
          ? (await rotateWebhookSecret(pool, sealer, owner, new Date())).secret
          : undefined;
        return {
          status: 200,
          body: { merchantId, ...rest, webhook: { ...webhook, ...(secret && { secret }) } },
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/merchants/{merchantId}',
      tag: 'Administration',
      summary: 'A merchant as stored',
      roles: ['admin'],
      params: pathParams,
      responses: {
        200: { description: 'The merchant.', schema: merchantBody.extend({ merchantId: z.string() }) },
      },
      async handle({ params }) {
        const merchant = await findMerchant(pool, params.merchantId);
        if (merchant === undefined) throw notFound('merchant');
        const { webhookUrl: url, ...rest } = merchant;
        return { status: 200, body: { ...rest, ...(url === null ? {} : { webhook: { url } }) } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/merchants/{merchantId}/webhook-secrets',
      tag: 'Webhooks',
      summary: 'A new signing secret, shown once',
      description:
        'The secret before it goes on signing beside the new one for 24 hours, so the receiver can change over.',
      roles: ['admin'],
      params: pathParams,
      responses: {
        201: { description: 'The secret.', schema: signingSecret },
      },
      async handle({ params }) {
        if ((await findMerchant(pool, params.merchantId)) === undefined) throw notFound('merchant');
        const owner = { kind: 'MERCHANT', id: params.merchantId } as const;
        return { status: 201, body: await rotateWebhookSecret(pool, sealer, owner, new Date()) };
      },
    }),
  ];
}
