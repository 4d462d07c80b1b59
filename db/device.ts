import { createHash, randomBytes } from 'node:crypto';
import { newId } from './id.ts';
import { createKey } from './key.ts';
import { revokeOfflineKeysOfDevice } from './offline-key.ts';
import { firstRow, rows, type Db, type Pool } from './pool.ts';
import { withTransaction } from './tx.ts';

const digest = (code: string): Buffer => createHash('sha256').update(code).digest();

/** A code of 160 random bits with which one device can enrol for the user, once. */
export async function createEnrolment(db: Db, userId: string, expiresAt: Date): Promise<string> {
  const code = randomBytes(20).toString('base64url');
  const statement = {
    name: 'enrolment_insert',
    text: 'insert into enrolment (code_digest, user_id, expires_at) values ($1, $2, $3)',
  };
  await rows(db, statement, [digest(code), userId, expiresAt]);
  return code;
}

export type EnrolResult =
  | {
      readonly kind: 'enrolled';
      readonly deviceId: string;
      readonly deviceToken: string;
      readonly userId: string;
    }
  | { readonly kind: 'invalid_code' }
  | { readonly kind: 'unknown_device' };

/**
 * Spends an enrolment code for a new device and its token, and ends the offline keys of the device that it replaces; the
 * whole of it or nothing.
 */
export async function enrolDevice(
  pool: Pool,
  it: { enrolmentCode: string; deviceName: string; replacesDeviceId?: string | undefined; now: Date },
): Promise<EnrolResult> {
  return withTransaction(pool, async (tx): Promise<EnrolResult> => {
    const enrolment = await firstRow<{ user_id: string }>(
      tx,
      {
        name: 'enrolment_lock',
        text: `select user_id from enrolment where code_digest = $1 and used_at is null and expires_at > $2 for update`,
      },
      [digest(it.enrolmentCode), it.now],
    );
    if (enrolment === undefined) return { kind: 'invalid_code' };
    const userId = enrolment.user_id;
    if (it.replacesDeviceId !== undefined) {
      const old = await firstRow(
        tx,
        // The lock under which keys are issued: none comes after this.
        {
          name: 'device_of_user',
          text: 'select 1 from device where device_id = $1 and user_id = $2 for no key update',
        },
        [it.replacesDeviceId, userId],
      );
      if (old === undefined) return { kind: 'unknown_device' };
      await revokeOfflineKeysOfDevice(tx, it.replacesDeviceId, 'REPLACED_DEVICE', it.now);
    }
    const deviceId = newId('dev');
    await rows(
      tx,
      {
        name: 'device_insert',
        text: 'insert into device (device_id, user_id, name, replaces_device_id) values ($1, $2, $3, $4)',
      },
      [deviceId, userId, it.deviceName, it.replacesDeviceId ?? null],
    );
    await rows(
      tx,
      {
        name: 'enrolment_use',
        text: 'update enrolment set used_at = $2, device_id = $3 where code_digest = $1',
      },
      [digest(it.enrolmentCode), it.now, deviceId],
    );
    const { key } = await createKey(tx, { role: 'device', tenantId: userId, deviceId, name: it.deviceName });
    return { kind: 'enrolled', deviceId, deviceToken: key, userId };
  });
}
