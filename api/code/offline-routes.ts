import { z } from 'zod';
import { issueOrKeepOfflineKey, listOfflineKeys, revokeOfflineKeysOfHandle } from '../../db/offline-key.ts';
import { setOfflineFundingSource } from '../../db/user.ts';
import { assertDefined } from '../../domain/assert.ts';
import { OFFLINE_PERIOD_MS, PASSWORD_LENGTH } from '../../domain/code/offline.ts';
import { OFFLINE_POLICY } from '../../domain/code/offline-policy.ts';
import { FUNDING_SOURCES } from '../../domain/payment/payment.ts';
import type { ApiDeps } from '../deps.ts';
import { unauthenticated } from '../http/auth.ts';
import { notFound, Problem } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { timestamp } from '../http/schemas.ts';
import { noPayLaterAccount } from './routes.ts';

const ALGORITHM = 'HMAC-SHA-256';

/** What may be paid offline, as the API says it. */
export const offlineLimits = z.object({
  maxAmount: z.int().meta({ description: 'Minor units a payment.' }),
  currency: z.string(),
  maxPer24h: z.int(),
  maxPer30d: z.int(),
});

const handle = z
  .string()
  .regex(/^\d{10}$/, 'A handle has 10 digits')
  .meta({ description: '10 digits that carry no identity.', example: '0482913675' });

const offlineKey = z.object({
  handle,
  key: z.string().meta({
    description: 'base64url of 32 bytes. For this device alone: keep it where only the wallet reads it.',
  }),
  algorithm: z.literal(ALGORITHM),
  period: z.int().meta({ description: 'Seconds of a time step.' }),
  digits: z.int().meta({ description: 'Digits of a one-time password.' }),
  serverTime: timestamp,
  validUntil: timestamp.meta({
    description: 'Until when the key serves if the device does not reach the server again.',
  }),
  refreshAfter: timestamp.meta({ description: 'From when on a call gives a new key.' }),
  limits: offlineLimits,
});

/** Keys with which a device makes codes by itself (docs/offline-code.md). */
export function offlineCodeRoutes({ pool, sealer }: ApiDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/offline-keys',
      tag: 'Codes',
      summary: 'The key from which this device makes codes while it is offline',
      description:
        'The same key until `refreshAfter`, a new one with a new handle after that; the old one goes on serving for seven days. ' +
        'Any authenticated call of the device keeps its keys valid for seven days more. ' +
        'Measure the clock offset with `serverTime`, half-way between request and answer.',
      roles: ['device'],
      body: z.strictObject({}),
      responses: {
        200: { description: 'The key.', schema: offlineKey },
        409: { description: 'CONFLICT_STATE: another device has replaced this one.' },
      },
      async handle({ principal }) {
        const now = new Date();
        const issued = await issueOrKeepOfflineKey(pool, sealer, {
          userId: principal.tenantId,
          deviceId: assertDefined(principal.deviceId ?? undefined),
          keyId: principal.keyId,
          now,
        });
        if (issued.kind === 'revoked') throw unauthenticated();
        if (issued.kind === 'replaced')
          throw new Problem(
            'CONFLICT_STATE',
            'Another device has replaced this one: it gets no offline key.',
          );
        return {
          status: 200,
          body: {
            handle: issued.handle,
            key: issued.key.toString('base64url'),
            algorithm: ALGORITHM,
            period: OFFLINE_PERIOD_MS / 1000,
            digits: PASSWORD_LENGTH,
            serverTime: now,
            validUntil: issued.validUntil,
            refreshAfter: issued.refreshAfter,
            limits: OFFLINE_POLICY.limits,
          },
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/offline-keys',
      tag: 'Codes',
      summary: "The offline keys of the user's devices, without the keys",
      description: 'Newest first; to find the handle of a phone that is lost.',
      roles: ['device'],
      responses: {
        200: {
          description: 'All, ended ones too.',
          schema: z.object({
            items: z.array(
              z.object({
                handle: z.string(),
                deviceId: z.string(),
                deviceName: z.string(),
                issuedAt: timestamp,
                validUntil: timestamp,
                revokedAt: timestamp.optional(),
              }),
            ),
          }),
        },
      },
      async handle({ principal }) {
        const keys = await listOfflineKeys(pool, principal.tenantId);
        const items = keys.map(({ revokedAt, ...key }) => (revokedAt === null ? key : { ...key, revokedAt }));
        return { status: 200, body: { items } };
      },
    }),
    route({
      method: 'delete',
      path: '/v1/offline-keys/{handle}',
      tag: 'Codes',
      summary: 'End the offline keys of the device that a handle belongs to',
      description:
        'Any device of the user may ask, as when a phone is lost. All keys of that device end at once; asked again it changes nothing.',
      roles: ['device'],
      params: z.strictObject({ handle }),
      responses: { 204: { description: 'The keys serve no longer.' } },
      async handle({ params, principal }) {
        const result = await revokeOfflineKeysOfHandle(pool, {
          userId: principal.tenantId,
          handle: params.handle,
          now: new Date(),
        });
        if (result === 'UNKNOWN') throw notFound('offline key');
        return { status: 204 };
      },
    }),
    route({
      method: 'put',
      path: '/v1/offline-preference',
      tag: 'Codes',
      summary: 'What funds the payments that are made offline',
      roles: ['device'],
      body: z.strictObject({ fundingSource: z.enum(FUNDING_SOURCES) }),
      example: { fundingSource: 'BALANCE' },
      responses: {
        200: { description: 'Chosen.', schema: z.object({ fundingSource: z.enum(FUNDING_SOURCES) }) },
        409: { description: 'CONFLICT_STATE: the user has no pay-later account.' },
      },
      async handle({ body, principal }) {
        if (!(await setOfflineFundingSource(pool, principal.tenantId, body.fundingSource)))
          throw noPayLaterAccount();
        return { status: 200, body: { fundingSource: body.fundingSource } };
      },
    }),
  ];
}
