import { z } from 'zod';
import { enrolDevice } from '../../db/device.ts';
import { assertNever } from '../../domain/assert.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound, Problem } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { text } from '../http/schemas.ts';

/** A phone becomes a wallet. */
export function deviceRoutes({ pool }: ApiDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/devices',
      tag: 'Devices',
      summary: 'Enrol a device with an enrolment code',
      description:
        'The enrolment code is spent. `replacesDeviceId` names the old phone of the same user when this one takes its place: its offline keys end at once and it gets no more. Its token stays good until it is revoked.',
      roles: 'public',
      body: z.strictObject({
        enrolmentCode: z.string().min(10).max(100),
        deviceName: text(100),
        replacesDeviceId: z
          .string()
          .regex(/^dev_[0-9a-f]{32}$/)
          .optional(),
      }),
      example: { enrolmentCode: 'Qm9iJ3MgZW5yb2xtZW50IGNvZGU', deviceName: "Alice's phone" },
      responses: {
        201: {
          description: 'The device and its token, shown once.',
          schema: z.object({ deviceId: z.string(), deviceToken: z.string() }),
        },
        404: { description: 'NOT_FOUND: the device to replace is not one of this user.' },
        422: { description: 'ENROLMENT_CODE_INVALID: unknown, used or expired.' },
      },
      async handle({ body }) {
        const result = await enrolDevice(pool, { ...body, now: new Date() });
        switch (result.kind) {
          case 'enrolled':
            return { status: 201, body: { deviceId: result.deviceId, deviceToken: result.deviceToken } };
          case 'invalid_code':
            throw new Problem('ENROLMENT_CODE_INVALID', 'The enrolment code is unknown, used or expired.');
          case 'unknown_device':
            throw notFound('device to replace');
          default:
            return assertNever(result);
        }
      },
    }),
  ];
}
