import { randomBytes, randomInt } from 'node:crypto';
import { HANDLE_LENGTH, OFFLINE_KEY_BYTES } from '../domain/code/offline.ts';
import { OFFLINE_POLICY } from '../domain/code/offline-policy.ts';
import { firstRow, oneRow, rows, type Db, type Pool } from './pool.ts';
import type { Sealer } from './sealed.ts';
import { withTransaction } from './tx.ts';

/** Why a key serves no longer. REFRESHED: its successor has been there for as long as it was to serve beside it. */
export type RevokeReason = 'REPLACED_DEVICE' | 'DISPUTED' | 'OPERATOR' | 'REFRESHED' | 'USER';

export interface OfflineKeyRow {
  readonly handle: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly sealed: Buffer;
  readonly issuedAt: Date;
  readonly refreshAfter: Date;
  readonly revokedAt: Date | null;
}

/** A key on its way to its device: the only time that it is seen outside. */
export interface IssuedOfflineKey {
  readonly handle: string;
  readonly key: Buffer;
  readonly refreshAfter: Date;
  readonly validUntil: Date;
}

/** A device that another one has replaced gets no key any more, nor one whose own key was revoked while it asked. */
export type IssueResult =
  | ({ readonly kind: 'issued' } & IssuedOfflineKey)
  | { readonly kind: 'replaced' }
  | { readonly kind: 'revoked' };

/** What a sealed key is bound to: it does not open under another handle. */
export const offlineKeyContext = (handle: string): string => `offline-key:${handle}`;

const COLUMNS = `handle, user_id as "userId", device_id as "deviceId", sealed, issued_at as "issuedAt",
                 refresh_after as "refreshAfter", revoked_at as "revokedAt"`;

/** The key itself; undefined if none of the data keys at hand opens it, as after the loss of one. */
export function openOfflineKey(
  sealer: Sealer,
  it: Pick<OfflineKeyRow, 'handle' | 'sealed'>,
): Buffer | undefined {
  try {
    return sealer.open(it.sealed, offlineKeyContext(it.handle));
  } catch {
    return undefined;
  }
}

/** The key of a handle, also a revoked one; sealed as it is kept. */
export async function findOfflineKey(db: Db, handle: string): Promise<OfflineKeyRow | undefined> {
  const statement = {
    name: 'offline_key_find',
    text: `select ${COLUMNS} from offline_key where handle = $1`,
  };
  return firstRow<OfflineKeyRow & Record<string, unknown>>(db, statement, [handle]);
}

/**
 * The device's key: the same one until its refresh is due, a new one after that or when it was revoked. The key before goes
 * on serving for the freshness time, as this answer may be lost. Requests at once get the same key: the device's row is
 * their lock. The device has reached the server, so the key is as fresh as can be. `keyId` is the device's own key, if it was
 * asked with one.
 */
export async function issueOrKeepOfflineKey(
  pool: Pool,
  sealer: Sealer,
  it: { userId: string; deviceId: string; keyId?: string; now: Date },
): Promise<IssueResult> {
  return withTransaction(pool, async (tx): Promise<IssueResult> => {
    const contact = await oneRow<{ validUntil: Date }>(
      tx,
      {
        name: 'offline_key_device',
        text: `update device set last_contact_at = greatest(last_contact_at, $3) where device_id = $1 and user_id = $2
               returning last_contact_at + make_interval(secs => $4 / 1000.0) as "validUntil"`,
      },
      [it.deviceId, it.userId, it.now, OFFLINE_POLICY.freshnessMs],
    );
    // Only now that the row is locked: a statement sees what was committed before it began, not before its lock.
    const successor = await firstRow(
      tx,
      {
        name: 'offline_key_successor',
        text: 'select 1 from device where user_id = $1 and replaces_device_id = $2',
      },
      [it.userId, it.deviceId],
    );
    if (successor !== undefined) return { kind: 'replaced' };
    const revoked = await firstRow(
      tx,
      {
        name: 'offline_key_asker',
        text: 'select 1 from api_key where key_id = $1 and revoked_at is not null',
      },
      [it.keyId ?? null],
    );
    if (revoked !== undefined) return { kind: 'revoked' };
    const newest = await firstRow<OfflineKeyRow & Record<string, unknown>>(
      tx,
      {
        name: 'offline_key_newest',
        text: `select ${COLUMNS} from offline_key where device_id = $1 order by issued_at desc limit 1`,
      },
      [it.deviceId],
    );
    if (newest?.revokedAt === null && newest.refreshAfter > it.now) {
      const key = openOfflineKey(sealer, newest);
      // One that opens no more is as good as none.
      if (key !== undefined)
        return { kind: 'issued', handle: newest.handle, key, refreshAfter: newest.refreshAfter, ...contact };
    }
    await revokeSuperseded(tx, it.deviceId, it.now);
    const refreshAfter = new Date(it.now.getTime() + OFFLINE_POLICY.refreshAfterMs);
    const made = await insertOfflineKey(tx, sealer, { ...it, refreshAfter });
    return { kind: 'issued', ...made, ...contact };
  });
}

/** Makes a key under a handle that nobody has; 10^10 handles, so one that is taken is drawn again. */
async function insertOfflineKey(
  tx: Db,
  sealer: Sealer,
  it: { userId: string; deviceId: string; now: Date; refreshAfter: Date },
): Promise<{ handle: string; key: Buffer; refreshAfter: Date }> {
  const key = randomBytes(OFFLINE_KEY_BYTES);
  for (;;) {
    const handle = randomHandle();
    const inserted = await rows(
      tx,
      {
        name: 'offline_key_insert',
        text: `insert into offline_key (handle, user_id, device_id, sealed, issued_at, refresh_after)
               values ($1, $2, $3, $4, $5, $6) on conflict (handle) do nothing returning handle`,
      },
      [handle, it.userId, it.deviceId, sealer.seal(key, offlineKeyContext(handle)), it.now, it.refreshAfter],
    );
    if (inserted.length > 0) return { handle, key, refreshAfter: it.refreshAfter };
  }
}

/** Uniform digits that say nothing about user, device or time. */
function randomHandle(): string {
  return String(randomInt(10 ** HANDLE_LENGTH)).padStart(HANDLE_LENGTH, '0');
}

/** Ends the keys whose successor has been there for the freshness time. */
async function revokeSuperseded(tx: Db, deviceId: string, now: Date): Promise<void> {
  await rows(
    tx,
    {
      name: 'offline_key_superseded',
      text: `with old as (
               select handle from offline_key k
                where device_id = $1 and revoked_at is null
                  and exists (select 1 from offline_key n where n.device_id = $1 and n.issued_at > k.issued_at
                                 and n.issued_at + make_interval(secs => $3 / 1000.0) <= $2)
                order by handle for update)
             update offline_key k set revoked_at = $2, revoke_reason = 'REFRESHED' from old where k.handle = old.handle`,
    },
    [deviceId, now, OFFLINE_POLICY.freshnessMs],
  );
}

/**
 * Ends all keys of a device at once; those that were ended before keep their reason. Gives their number. Rows are locked in
 * the order of their handles, as whoever locks several of them does.
 */
export async function revokeOfflineKeysOfDevice(
  tx: Db,
  deviceId: string,
  reason: RevokeReason,
  at: Date,
): Promise<number> {
  const statement = {
    name: 'offline_key_revoke',
    text: `with live as (
             select handle from offline_key where device_id = $1 and revoked_at is null order by handle for update)
           update offline_key k set revoked_at = $3, revoke_reason = $2 from live where k.handle = live.handle
           returning k.handle`,
  };
  return (await rows(tx, statement, [deviceId, reason, at])).length;
}

/** Ends all keys of the device that a handle is of, if it is one of this user's: a lost phone may have more than one. */
export async function revokeOfflineKeysOfHandle(
  pool: Pool,
  it: { userId: string; handle: string; now: Date },
): Promise<'REVOKED' | 'UNKNOWN'> {
  const found = await findOfflineKey(pool, it.handle);
  if (found?.userId !== it.userId) return 'UNKNOWN';
  await revokeOfflineKeysOfDevice(pool, found.deviceId, 'USER', it.now);
  return 'REVOKED';
}

/** A key as the user's phones may see it: everything but the key. */
export interface OfflineKeyInfo {
  readonly handle: string;
  readonly deviceId: string;
  readonly deviceName: string;
  readonly issuedAt: Date;
  readonly validUntil: Date;
  readonly revokedAt: Date | null;
}

/** The offline keys of all of a user's devices, newest first, ended ones too. */
export async function listOfflineKeys(db: Db, userId: string): Promise<OfflineKeyInfo[]> {
  const statement = {
    name: 'offline_key_list',
    text: `select k.handle, k.device_id as "deviceId", d.name as "deviceName", k.issued_at as "issuedAt",
                  d.last_contact_at + make_interval(secs => $2 / 1000.0) as "validUntil", k.revoked_at as "revokedAt"
             from offline_key k join device d using (device_id) where k.user_id = $1
            order by k.issued_at desc, k.handle limit 200`,
  };
  return rows<OfflineKeyInfo & Record<string, unknown>>(db, statement, [userId, OFFLINE_POLICY.freshnessMs]);
}
