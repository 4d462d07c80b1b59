import { createHash, randomBytes } from 'node:crypto';
import { newId } from './id.ts';
import { revokeOfflineKeysOfDevice } from './offline-key.ts';
import { endPushOfDevice } from './push-subscription.ts';
import { firstRow, rows, type Db, type Pool } from './pool.ts';
import { withTransaction } from './tx.ts';

export const ROLES = ['admin', 'merchant', 'device', 'issuer', 'parking', 'service'] as const;
export type Role = (typeof ROLES)[number];

/** Whom a key speaks for. `tenantId` is the merchant, user, issuer, operator or service. */
export interface Principal {
  readonly keyId: string;
  readonly role: Role;
  readonly tenantId: string;
  readonly deviceId: string | null;
}

export interface NewKey {
  readonly role: Role;
  readonly tenantId: string;
  readonly name: string;
  readonly deviceId?: string;
}

/** 256 random bits need no slow hash: there is nothing to guess. */
function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Makes a key. The key itself is returned here and nowhere else, ever. */
export async function createKey(db: Db, it: NewKey): Promise<{ keyId: string; key: string }> {
  const keyId = newId('key');
  const key = `ksk_${it.role}_${randomBytes(32).toString('base64url')}`;
  const statement = {
    name: 'key_insert',
    text: `insert into api_key (key_id, key_hash, role, tenant_id, device_id, name) values ($1, $2, $3, $4, $5, $6)`,
  };
  await rows(db, statement, [keyId, hashKey(key), it.role, it.tenantId, it.deviceId ?? null, it.name]);
  return { keyId, key };
}

/**
 * The principal of a key that is not revoked. A device that asks has reached the server, which keeps its offline keys fresh:
 * that is written in the same round trip, at most once a minute.
 */
export async function findPrincipal(db: Db, key: string): Promise<Principal | undefined> {
  const statement = {
    name: 'key_find',
    text: `with found as (
             select key_id, role, tenant_id, device_id from api_key where key_hash = $1 and revoked_at is null),
           contact as (
             update device set last_contact_at = now() from found
              where device.device_id = found.device_id and last_contact_at < now() - interval '1 minute')
           select key_id as "keyId", role, tenant_id as "tenantId", device_id as "deviceId" from found`,
  };
  return firstRow<Principal & Record<string, unknown>>(db, statement, [hashKey(key)]);
}

/**
 * Revokes a key at once, and with a device's key the offline keys and push subscriptions of that device: a lost phone pays and hears
 * no more. Revoking it again changes nothing; false if there is no such key.
 */
export async function revokeKey(pool: Pool, keyId: string): Promise<boolean> {
  return withTransaction(pool, async (tx) => {
    const revoked = await firstRow<{ deviceId: string | null; revokedAt: Date }>(
      tx,
      {
        name: 'key_revoke',
        text: `update api_key set revoked_at = coalesce(revoked_at, now()) where key_id = $1
               returning device_id as "deviceId", revoked_at as "revokedAt"`,
      },
      [keyId],
    );
    if (revoked === undefined) return false;
    const { deviceId, revokedAt } = revoked;
    if (deviceId !== null) {
      await rows(
        tx,
        // The lock under which keys are issued: none comes after this.
        { name: 'key_device', text: 'select 1 from device where device_id = $1 for no key update' },
        [deviceId],
      );
      await revokeOfflineKeysOfDevice(tx, deviceId, 'OPERATOR', revokedAt);
      await endPushOfDevice(tx, deviceId, revokedAt);
    }
    return true;
  });
}

/** Of these keys, the ones that are still good. */
export async function liveKeys(db: Db, keyIds: readonly string[]): Promise<string[]> {
  const statement = {
    name: 'key_live',
    text: 'select key_id from api_key where key_id = any ($1) and revoked_at is null',
  };
  return (await rows<{ key_id: string }>(db, statement, [keyIds])).map((row) => row.key_id);
}
