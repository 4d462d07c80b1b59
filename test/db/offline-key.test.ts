import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOfflineMatcher, type StepMatcher } from '../../activities/offline-match.ts';
import { createCodeDigester } from '../../db/code-digest.ts';
import { createEnrolment, enrolDevice } from '../../db/device.ts';
import {
  findOfflineKey,
  issueOrKeepOfflineKey,
  revokeOfflineKeysOfDevice,
  type IssuedOfflineKey,
} from '../../db/offline-key.ts';
import { oneRow } from '../../db/pool.ts';
import { createSealer } from '../../db/sealed.ts';
import { createUser } from '../../db/user.ts';
import { DEFAULT_CODE_PREFIX } from '../../domain/code/format.ts';
import { offlineCode, timeStep } from '../../domain/code/offline.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { uniqueId } from '../support/givens.ts';

const DAY_MS = 86_400_000;
const sealer = createSealer(randomBytes(32).toString('base64'));
const digestCode = createCodeDigester(randomBytes(32).toString('base64'));
const later = (from: Date, ms: number): Date => new Date(from.getTime() + ms);

let database: TestDatabase;
let matchStep: StepMatcher;
beforeAll(async () => {
  database = await createTestDatabase();
  matchStep = createOfflineMatcher({
    pool: database.pool,
    sealer,
    digestCode,
    codePrefix: DEFAULT_CODE_PREFIX,
  });
});
afterAll(() => database.drop());

interface Owner {
  readonly userId: string;
  readonly deviceId: string;
}

async function givenDevice(): Promise<Owner> {
  const { pool } = database;
  const userId = uniqueId('u');
  await createUser(pool, {
    userId,
    displayName: 'Test User',
    locale: 'ja',
    timeZone: 'Asia/Tokyo',
    requestHash: 'x',
  });
  const now = new Date();
  const enrolmentCode = await createEnrolment(pool, userId, later(now, 60_000));
  const device = await enrolDevice(pool, { enrolmentCode, deviceName: 'phone', now });
  if (device.kind !== 'enrolled') throw new Error(device.kind);
  return { userId, deviceId: device.deviceId };
}

async function issue(owner: Owner, now: Date): Promise<IssuedOfflineKey> {
  const result = await issueOrKeepOfflineKey(database.pool, sealer, { ...owner, now });
  if (result.kind !== 'issued') throw new Error(result.kind);
  return result;
}

describe('an offline key', () => {
  it('is the same until its refresh is due, and a new one after that', async () => {
    const owner = await givenDevice();
    const now = new Date();
    const first = await issue(owner, now);
    expect(first.handle).toMatch(/^\d{10}$/);
    expect(first.key).toHaveLength(32);
    expect(first.validUntil).toEqual(later(now, 7 * DAY_MS));
    expect(first.refreshAfter).toEqual(later(now, DAY_MS));
    const again = await issue(owner, later(now, DAY_MS - 1));
    expect(again).toEqual({ ...first, validUntil: later(now, 8 * DAY_MS - 1) });
    const second = await issue(owner, later(now, DAY_MS));
    expect(second.handle).not.toBe(first.handle);
    expect(second.key.equals(first.key)).toBe(false);
  });

  it('is one key when twenty requests come at once, also when a refresh is due', async () => {
    const owner = await givenDevice();
    const now = new Date();
    for (const at of [now, later(now, DAY_MS)]) {
      const keys = await Promise.all(Array.from({ length: 20 }, () => issue(owner, at)));
      expect(new Set(keys.map((it) => it.handle)).size).toBe(1);
      expect(new Set(keys.map((it) => it.key.toString('hex'))).size).toBe(1);
    }
    const { count } = await oneRow<{ count: number }>(
      database.pool,
      { name: 'test_keys', text: 'select count(*) from offline_key where device_id = $1' },
      [owner.deviceId],
    );
    expect(count).toBe(2);
  });

  it('serves beside its successor for the freshness time, then is revoked as refreshed', async () => {
    const owner = await givenDevice();
    const now = new Date();
    const first = await issue(owner, now);
    for (let day = 1; day <= 7; day++) await issue(owner, later(now, day * DAY_MS));
    expect(await findOfflineKey(database.pool, first.handle)).toMatchObject({ revokedAt: null });
    await issue(owner, later(now, 8 * DAY_MS));
    expect(await findOfflineKey(database.pool, first.handle)).toMatchObject({
      revokedAt: later(now, 8 * DAY_MS),
    });
  });

  it('that was revoked is never given again; no other device is touched', async () => {
    const [owner, other] = await Promise.all([givenDevice(), givenDevice()]);
    const now = new Date();
    const [first, others] = await Promise.all([issue(owner, now), issue(other, now)]);
    expect(await revokeOfflineKeysOfDevice(database.pool, owner.deviceId, 'DISPUTED', now)).toBe(1);
    expect(await revokeOfflineKeysOfDevice(database.pool, owner.deviceId, 'OPERATOR', now)).toBe(0);
    expect((await issue(owner, now)).handle).not.toBe(first.handle);
    expect((await issue(other, now)).handle).toBe(others.handle);
  });

  it('under a handle that is taken is drawn again', async () => {
    const owner = await givenDevice();
    // The first two draws meet a handle that is there: `on conflict do nothing` inserts nothing, as this trigger does.
    await database.pool.query(`
      create sequence test_draws;
      create function test_taken() returns trigger language plpgsql as $$
        begin return case when nextval('test_draws') > 2 then new end; end $$;
      create trigger test_taken before insert on offline_key for each row execute function test_taken()`);
    const key = await issue(owner, new Date());
    await database.pool.query(
      'drop trigger test_taken on offline_key; drop function test_taken; drop sequence test_draws',
    );
    expect((await findOfflineKey(database.pool, key.handle))?.deviceId).toBe(owner.deviceId);
  });

  it('is kept sealed, bound to its handle', async () => {
    const [a, b] = await Promise.all([givenDevice(), givenDevice()]);
    const now = new Date();
    const [mine, theirs] = await Promise.all([issue(a, now), issue(b, now)]);
    const { sealed } = await findOfflineKey(database.pool, mine.handle).then((it) => it ?? { sealed: null });
    expect(sealed?.includes(mine.key)).toBe(false);
    await database.pool.query('update offline_key set sealed = $2 where handle = $1', [
      theirs.handle,
      sealed,
    ]);
    // What does not open is no key: there is a new one.
    const next = await issue(b, now);
    expect(next.handle).not.toBe(theirs.handle);
    expect(next.key.equals(mine.key)).toBe(false);
    expect(await matchStep(theirs.handle, 'ff', now.getTime())).toBe('UNREADABLE');
  });
});

describe('the step of an offline code', () => {
  const NOW_MS = Date.parse('2026-11-22T03:00:15.000Z');
  const NOW_STEP = timeStep(NOW_MS);

  const digestOf = async (it: { handle: string; key: Uint8Array }, step: number): Promise<string> =>
    digestCode(await offlineCode({ prefix: DEFAULT_CODE_PREFIX, handle: it.handle, key: it.key, step }));

  it('is found one before, at, and one after the time, and nowhere else', async () => {
    const key = await issue(await givenDevice(), new Date());
    const found = [];
    for (const lag of [-2, -1, 0, 1, 2])
      found.push(await matchStep(key.handle, await digestOf(key, NOW_STEP + lag), NOW_MS));
    expect(found).toEqual([undefined, NOW_STEP - 1, NOW_STEP, NOW_STEP + 1, undefined]);
  });

  it('is none for an unknown handle, another key, a digest that is none', async () => {
    const [mine, theirs] = await Promise.all([
      issue(await givenDevice(), new Date()),
      issue(await givenDevice(), new Date()),
    ]);
    const ofTheirs = await digestOf({ handle: mine.handle, key: theirs.key }, NOW_STEP);
    expect(await matchStep(mine.handle, ofTheirs, NOW_MS)).toBeUndefined();
    const nobody = { handle: '0000000000', key: new Uint8Array(32) };
    expect(await matchStep(nobody.handle, await digestOf(nobody, NOW_STEP), NOW_MS)).toBeUndefined();
    expect(await matchStep(mine.handle, 'ff', NOW_MS)).toBeUndefined();
  });

  it('is found for a revoked key too: the ledger judges that', async () => {
    const owner = await givenDevice();
    const key = await issue(owner, new Date());
    await revokeOfflineKeysOfDevice(database.pool, owner.deviceId, 'USER', new Date());
    expect(await matchStep(key.handle, await digestOf(key, NOW_STEP), NOW_MS)).toBe(NOW_STEP);
  });
});
