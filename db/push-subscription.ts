import { createHash } from 'node:crypto';
import { newId } from './id.ts';
import { oneRow, rows, type Db } from './pool.ts';
import type { Sealer } from './sealed.ts';

/** A device takes push messages at so many places: one a browser, and some that browsers have forgotten. */
export const MAX_PUSH_SUBSCRIPTIONS = 5;

/** What a browser's `PushSubscription.toJSON()` gives: base64url of a point of P-256 and of 16 bytes (RFC 8291 section 2). */
export interface PushTarget {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

/** What a sealed target is bound to: it does not open in another row. */
export const pushTargetContext = (pushId: string): string => `push:${pushId}`;

export type SubscribeOutcome =
  { readonly result: 'CREATED' | 'SAME'; readonly createdAt: string } | { readonly result: 'TOO_MANY' };

/** Stores where a device takes push messages; the one before it under the same id or endpoint ends. */
export async function subscribeToPush(
  db: Db,
  sealer: Sealer,
  it: {
    deviceId: string;
    userId: string;
    subscriptionId: string;
    target: PushTarget;
    showAmounts: boolean;
    at: Date;
  },
): Promise<SubscribeOutcome> {
  const { target, ...rest } = it;
  const pushId = newId('psh');
  const content = JSON.stringify([target.endpoint, target.keys.p256dh, target.keys.auth]);
  const request = {
    ...rest,
    pushId,
    endpointDigest: sha256(target.endpoint),
    contentDigest: sha256(content),
    sealed: sealer.seal(Buffer.from(JSON.stringify(target)), pushTargetContext(pushId)).toString('hex'),
    limit: MAX_PUSH_SUBSCRIPTIONS,
  };
  const statement = { name: 'push_subscribe', text: 'select push_subscribe($1::jsonb) as outcome' };
  return (await oneRow<{ outcome: SubscribeOutcome }>(db, statement, [JSON.stringify(request)])).outcome;
}

/** Ends a device's subscription of that id; false if there is none that lives. */
export async function unsubscribeFromPush(
  db: Db,
  it: { deviceId: string; subscriptionId: string; at: Date },
): Promise<boolean> {
  const statement = {
    name: 'push_unsubscribe',
    text: `update push_subscription set gone_at = $3, gone_reason = 'DELETED'
            where device_id = $1 and subscription_id = $2 and gone_at is null returning push_id`,
  };
  return (await rows(db, statement, [it.deviceId, it.subscriptionId, it.at])).length > 0;
}

/** Ends all subscriptions of a device whose token is revoked: it hears nothing of its user any more. */
export async function endPushOfDevice(db: Db, deviceId: string, at: Date): Promise<void> {
  const statement = {
    name: 'push_revoke',
    text: `update push_subscription set gone_at = $2, gone_reason = 'REVOKED' where device_id = $1 and gone_at is null`,
  };
  await rows(db, statement, [deviceId, at]);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
