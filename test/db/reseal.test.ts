import { randomBytes, randomInt } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { offlineKeyContext } from '../../db/offline-key.ts';
import type { Pool } from '../../db/pool.ts';
import { pushTargetContext } from '../../db/push-subscription.ts';
import { resealAll } from '../../db/reseal.ts';
import { createSealer, type Sealer } from '../../db/sealed.ts';
import { assertDefined } from '../../domain/assert.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { uniqueId } from '../support/givens.ts';
import { startProgram, type Program } from '../support/program.ts';

const newKey = (): string => randomBytes(32).toString('base64');
const OLD = newKey();
const NEW = newKey();
const before = createSealer(OLD);
const rotating = createSealer(NEW, [OLD]);
const after = createSealer(NEW);

describe('sealed values', () => {
  const sealed = before.seal(Buffer.from('secret'), 'row-1');

  it('open with the key that sealed them, also when it is an old one', () => {
    expect(rotating.open(sealed, 'row-1').toString()).toBe('secret');
    expect(createSealer(NEW, [newKey(), OLD]).open(sealed, 'row-1').toString()).toBe('secret');
  });

  it('are sealed with the current key, never with an old one', () => {
    const fresh = rotating.seal(Buffer.from('secret'), 'row-1');
    expect(after.open(fresh, 'row-1').toString()).toBe('secret');
    expect(() => before.open(fresh, 'row-1')).toThrow('none of the data keys');
    expect([rotating.isCurrent(fresh, 'row-1'), rotating.isCurrent(sealed, 'row-1')]).toEqual([true, false]);
  });

  it('open under no other context, with no other key, and not changed by a bit', () => {
    expect(() => rotating.open(sealed, 'row-2')).toThrow('none of the data keys');
    expect(() => after.open(sealed, 'row-1')).toThrow('none of the data keys');
    for (const at of [1, 13, sealed.length - 1]) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(() => rotating.open(changed, 'row-1')).toThrow('none of the data keys');
    }
    expect(() => rotating.open(sealed.subarray(0, 20), 'row-1')).toThrow();
  });

  it.each([
    ['current', 'KESSAI_DATA_KEY', () => createSealer('c2hvcnQ=')],
    ['old', 'KESSAI_DATA_KEYS_OLD', () => createSealer(NEW, [OLD, 'c2hvcnQ='])],
  ])('need an %s key of 32 bytes', (_, name, make) => {
    expect(make).toThrow(`${name} must be base64 of 32 bytes`);
  });
});

describe('sealing everything anew', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.pool.query(
      `insert into app_user (user_id, display_name, locale, time_zone, request_hash) values ('u', 'U', 'ja', 'UTC', '')`,
    );
    await database.pool.query(`insert into device (device_id, user_id, name) values ('d', 'u', 'phone')`);
  });
  beforeEach(() => database.pool.query('truncate offline_key, webhook_secret, push_subscription cascade'));
  afterAll(() => database.drop());

  const secrets = new Map<string, string>();
  /** So many rows of each table, sealed by `sealer`. */
  async function given(sealer: Sealer, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const handle = String(randomInt(10 ** 10)).padStart(10, '0');
      const secretId = uniqueId('sec');
      const plain = randomBytes(32);
      secrets.set(handle, plain.toString('hex')).set(secretId, plain.toString('hex'));
      await database.pool.query(
        `insert into offline_key (handle, user_id, device_id, sealed, issued_at, refresh_after)
         values ($1, 'u', 'd', $2, now(), now())`,
        [handle, sealer.seal(plain, offlineKeyContext(handle))],
      );
      await database.pool.query(
        `insert into webhook_secret (secret_id, owner_kind, owner_id, sealed) values ($1, 'MERCHANT', 'm', $2)`,
        [secretId, sealer.seal(plain, secretId)],
      );
      const pushId = uniqueId('psh');
      secrets.set(pushId, plain.toString('hex'));
      await database.pool.query(
        `insert into push_subscription (push_id, device_id, subscription_id, user_id, endpoint_digest, content_digest, sealed, show_amounts, created_at)
         values ($1, 'd', $1, 'u', $2, $2, $3, false, now())`,
        [pushId, Buffer.from(pushId), sealer.seal(plain, pushTargetContext(pushId))],
      );
    }
  }

  /** Every row opens with this key alone, to what was sealed. */
  async function expectAllOpenWith(sealer: Sealer): Promise<void> {
    const found = await database.pool.query<{ id: string; context: string; sealed: Buffer }>(
      `select handle as id, 'offline-key:' || handle as context, sealed from offline_key
        union all select secret_id, secret_id, sealed from webhook_secret
        union all select push_id, 'push:' || push_id, sealed from push_subscription`,
    );
    expect(found.rows.length).toBeGreaterThan(0);
    for (const { id, context, sealed } of found.rows)
      expect(sealer.open(sealed, context).toString('hex')).toBe(secrets.get(id));
  }

  const resealed = async (sealer: Sealer, batch?: number): Promise<number[]> =>
    (await resealAll(database.pool, sealer, undefined, batch)).map((it) => it.resealed);

  it('makes the old key needless; done twice, the second time changes nothing', async () => {
    await given(before, 7);
    await expectAllOpenWith(rotating);
    expect(await resealed(rotating, 3)).toEqual([7, 7, 7]);
    await expectAllOpenWith(after);
    expect(await resealed(rotating, 3)).toEqual([0, 0, 0]);
    await expectAllOpenWith(after);
  });

  it('leaves alone what is current in a mixed state', async () => {
    await given(before, 3);
    await given(rotating, 4);
    expect(await resealed(rotating)).toEqual([3, 3, 3]);
    await expectAllOpenWith(after);
  });

  it('goes on where it was interrupted', async () => {
    await given(before, 6);
    let batches = 0;
    const interrupted = resealAll(
      database.pool,
      rotating,
      () => {
        batches += 1;
        if (batches === 4) throw new Error('killed');
      },
      2,
    );
    await expect(interrupted).rejects.toThrow('killed');
    await expectAllOpenWith(rotating);
    expect((await resealed(rotating, 2)).reduce((a, b) => a + b)).toBeGreaterThan(0);
    await expectAllOpenWith(after);
  });

  it('run by two at once seals each row once, and every row opens', async () => {
    await given(before, 20);
    const [one, other] = await Promise.all([resealed(rotating, 4), resealed(rotating, 4)]);
    expect(one.map((count, i) => count + (other[i] ?? 0))).toEqual([20, 20, 20]);
    await expectAllOpenWith(after);
  });

  it('does not undo what another one wrote meanwhile', async () => {
    await given(before, 1);
    const [row] = (await database.pool.query<{ secret_id: string }>('select secret_id from webhook_secret'))
      .rows;
    const secretId = assertDefined(row).secret_id;
    const newer = rotating.seal(Buffer.from('newer'), secretId);
    // Between its reading of a row and its writing, the row gets another value.
    const query = database.pool.query.bind(database.pool) as (statement: {
      name: string;
    }) => Promise<unknown>;
    const racing = {
      query: async (statement: { name: string }) => {
        if (statement.name === 'reseal_webhook_secret')
          await database.pool.query('update webhook_secret set sealed = $1', [newer]);
        return query(statement);
      },
    } as unknown as Pool;
    const counts = await resealAll(racing, rotating);
    expect(counts.map((it) => it.resealed)).toEqual([0, 1, 1]);
    const [kept] = (await database.pool.query<{ sealed: Buffer }>('select sealed from webhook_secret')).rows;
    expect(assertDefined(kept).sealed.equals(newer)).toBe(true);
  });

  it('names what opens with no key and leaves it as it is', async () => {
    await given(before, 2);
    await given(createSealer(newKey()), 1);
    const counts = await resealAll(database.pool, rotating);
    expect(counts.map((it) => [it.seen, it.resealed, it.unreadable.length])).toEqual([
      [3, 2, 1],
      [3, 2, 1],
      [3, 2, 1],
    ]);
  });

  describe('npm run keys:reseal', () => {
    const programs: Program[] = [];
    const run = async (env: NodeJS.ProcessEnv): Promise<{ code: number | null; output: string }> => {
      const program = startProgram('db/reseal-main.ts', {
        DATABASE_URL: database.url,
        KESSAI_DATA_KEY: NEW,
        KESSAI_DATA_KEYS_OLD: OLD,
        ...env,
      });
      programs.push(program);
      return { code: await program.exitCode(), output: program.output() };
    };
    afterEach(() => Promise.all(programs.splice(0).map((it) => it.stop())));

    it('tells what it did, ends with 0, and with 1 when something is unreadable; no key in what it prints', async () => {
      await given(before, 3);
      const done = await run({});
      expect(done).toEqual({
        code: 0,
        output:
          'webhook_secret: 3 looked at, 3 sealed anew\noffline_key: 3 looked at, 3 sealed anew\npush_subscription: 3 looked at, 3 sealed anew\n',
      });
      await expectAllOpenWith(after);
      const lost = await run({ KESSAI_DATA_KEY: newKey(), KESSAI_DATA_KEYS_OLD: '' });
      expect(lost.code).toBe(1);
      expect(lost.output).toContain('offline_key: 3 open with none of the keys');
      expect(lost.output).not.toContain(NEW);
    });

    it.each([
      ['KESSAI_DATA_KEY is not set', { KESSAI_DATA_KEY: '' }],
      ['KESSAI_DATA_KEYS_OLD must be base64 of 32 bytes', { KESSAI_DATA_KEYS_OLD: 'c2hvcnQ=' }],
      ['DATABASE_URL is not set', { DATABASE_URL: '' }],
    ])('says %s and ends with 2', async (says, env) => {
      const { code, output } = await run(env);
      expect({ code, says: output.includes(says) }).toEqual({ code: 2, says: true });
    });
  });
});
