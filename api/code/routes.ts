import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { insertOneTimeCode } from '../../db/code.ts';
import { findPayLaterAccount } from '../../db/issuer.ts';
import { BODY_LENGTH, CODE_LENGTH, formatCode, ONLINE_CODE_TTL_MS } from '../../domain/code/format.ts';
import { assertDefined } from '../../domain/assert.ts';
import { FUNDING_SOURCES } from '../../domain/payment/payment.ts';
import type { ApiDeps } from '../deps.ts';
import { Problem } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { timestamp } from '../http/schemas.ts';

/** Codes for a device to show, and the clock they go by. */
export function codeRoutes({ pool, digestCode, codePrefix }: ApiDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/codes',
      tag: 'Codes',
      summary: 'A one-time code for one payment',
      description:
        'The code is good for five minutes and one payment, also if that payment fails. It is shown as Code 128 and QR with the same 24 digits.',
      roles: ['device'],
      body: z.strictObject({ fundingSource: z.enum(FUNDING_SOURCES).default('BALANCE') }),
      example: { fundingSource: 'BALANCE' },
      responses: {
        201: {
          description: 'The code.',
          schema: z.object({
            code: z
              .string()
              .meta({ description: `${CODE_LENGTH} digits`, example: '999901112345678901234560' }),
            expiresAt: timestamp,
            serverTime: timestamp,
          }),
        },
        409: { description: 'CONFLICT_STATE: the user has no pay-later account.' },
      },
      async handle({ body, principal }) {
        if (
          body.fundingSource === 'PAY_LATER' &&
          (await findPayLaterAccount(pool, principal.tenantId)) === undefined
        )
          throw noPayLaterAccount();
        const issuedAt = new Date();
        const expiresAt = new Date(issuedAt.getTime() + ONLINE_CODE_TTL_MS);
        const code = formatCode(codePrefix, 'ONLINE', randomDigits(BODY_LENGTH));
        await insertOneTimeCode(pool, {
          codeDigest: digestCode(code),
          userId: principal.tenantId,
          deviceId: assertDefined(principal.deviceId ?? undefined),
          fundingSource: body.fundingSource,
          issuedAt,
          expiresAt,
        });
        return { status: 201, body: { code, expiresAt, serverTime: issuedAt } };
      },
    }),
    route({
      method: 'get',
      path: '/v1/time',
      tag: 'Codes',
      summary: "The server's clock",
      roles: 'public',
      responses: { 200: { description: 'Now.', schema: z.object({ serverTime: timestamp }) } },
      handle: () => Promise.resolve({ status: 200, body: { serverTime: new Date() } }),
    }),
  ];
}

/** 409 for a choice of funds that the user does not have. */
export function noPayLaterAccount(): Problem {
  return new Problem('CONFLICT_STATE', 'The user has no pay-later account.');
}

/** Uniform decimal digits from the operating system's generator. */
function randomDigits(count: number): string {
  return Array.from({ length: count }, () => String(randomInt(10))).join('');
}
