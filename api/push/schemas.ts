import { createECDH } from 'node:crypto';
import { z } from 'zod';
import { callerId, timestamp } from '../http/schemas.ts';

const MAX_ENDPOINT = 1_000;
const POINT_BYTES = 65;
const AUTH_BYTES = 16;

export const subscriptionParams = z.strictObject({ id: callerId });

const base64url = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9_-]+={0,2}$/, 'Not base64url');

/** What `PushSubscription.toJSON()` gives in a browser; `expirationTime` is taken and not used. */
export const subscriptionBody = z.strictObject({
  endpoint: z.string().max(MAX_ENDPOINT).meta({
    description: 'https, at a push service that is allowed here.',
    example: 'https://updates.push.services.mozilla.com/wpush/v2/gAAAAAB-example',
  }),
  expirationTime: z.number().nullable().optional(),
  keys: z.strictObject({
    p256dh: base64url
      .refine(isPoint, 'Not an uncompressed point of P-256 (RFC 8291 section 2.1)')
      .meta({ description: 'Public key of the browser: 65 bytes in base64url.' }),
    auth: base64url
      .refine((text) => Buffer.from(text, 'base64url').length === AUTH_BYTES, 'Not 16 bytes')
      .meta({ description: 'Secret of the subscription: 16 bytes in base64url.' }),
  }),
  showAmounts: z
    .boolean()
    .default(false)
    .meta({ description: 'Amounts may be shown on a lock screen; the user has said so.' }),
});

export const subscriptionView = z
  .object({ subscriptionId: z.string(), host: z.string(), showAmounts: z.boolean(), createdAt: timestamp })
  .meta({ id: 'PushSubscription' });

export const subscriptionExample = {
  endpoint: 'https://updates.push.services.mozilla.com/wpush/v2/gAAAAAB-example',
  keys: {
    p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
    auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  },
  showAmounts: false,
};

/** What is not on the curve would make every sending fail; node finds out by using it. */
function isPoint(text: string): boolean {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== POINT_BYTES || bytes[0] !== 4) return false;
  const probe = createECDH('prime256v1');
  probe.generateKeys();
  try {
    probe.computeSecret(bytes);
    return true;
  } catch {
    return false;
  }
}
