import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { inTransaction, type Pool, type Transaction } from '../shared/database.ts';
import { Problem } from '../shared/problem.ts';
import { canLeave, lockOf, openLock } from './locks.ts';
import { sendStay } from './messages.ts';
import { placeOf } from './places.ts';
import type { Entry, Where } from './schemas.ts';

/** A car's time at a place, as it is kept. */
export interface Stay {
  readonly sessionId: string;
  readonly placeId: string;
  readonly space: string | null;
  readonly credential: string | null;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
}

const STAY = `session_id as "sessionId", place_id as "placeId", space, credential, started_at as "startedAt", ended_at as "endedAt"`;

/** The stay of a car that is there now. */
export async function findOpenStay(db: Pool | Transaction, it: Where): Promise<Stay | undefined> {
  const found = await db.query<Stay>(
    `select ${STAY} from parking_operator.stay
      where place_id = $1 and ended_at is null and ($2::text is null or space = $2) and ($3::text is null or credential = $3)`,
    [it.placeId, it.space ?? null, it.credential ?? null],
  );
  return found.rows[0];
}

/** A stay, also one that is over, and nobody else changes it until the transaction ends. */
export async function lockStay(tx: Transaction, sessionId: string): Promise<Stay | undefined> {
  const found = await tx.query<Stay>(
    `select ${STAY} from parking_operator.stay where session_id = $1 for update`,
    [sessionId],
  );
  return found.rows[0];
}

/**
 * The stay of a car that is there, locked.
 * @throws {Problem} NOT_FOUND
 */
export async function lockOpenStay(tx: Transaction, it: Where): Promise<Stay> {
  const found = await findOpenStay(tx, it);
  const stay = found === undefined ? undefined : await lockStay(tx, found.sessionId);
  // It may have left while we waited for the lock.
  if (stay?.endedAt !== null) throw noStay();
  return stay;
}

export const noStay = (): Problem => new Problem('NOT_FOUND', 'No car is there.');

export async function findStay(pool: Pool, sessionId: string): Promise<Stay | undefined> {
  const found = await pool.query<Stay>(`select ${STAY} from parking_operator.stay where session_id = $1`, [
    sessionId,
  ]);
  return found.rows[0];
}

/** Of everybody who is there now. */
export async function listOpenStays(pool: Pool, placeId: string | undefined): Promise<Stay[]> {
  const found = await pool.query<Stay>(
    `select ${STAY} from parking_operator.stay where ended_at is null and ($1::text is null or place_id = $1)
      order by place_id, space, started_at`,
    [placeId ?? null],
  );
  return found.rows;
}

/**
 * A car comes in. The same session twice is one.
 * @throws {Problem} NOT_FOUND place or space, CONFLICT_STATE if somebody is there, IDEMPOTENCY_MISMATCH
 */
export async function enter(pool: Pool, it: Entry, now: Date): Promise<Stay> {
  const place = await placeOf(pool, it.placeId);
  if (it.space !== undefined && !place.spaces.includes(it.space)) {
    throw new Problem('NOT_FOUND', 'This place has no such space.');
  }
  const stay: Stay = {
    sessionId: it.sessionId ?? `stay_${randomBytes(8).toString('hex')}`,
    placeId: it.placeId,
    space: it.space ?? null,
    credential: it.credential ?? null,
    startedAt: it.at ?? now,
    endedAt: null,
  };
  return inTransaction(pool, async (tx) => {
    const stored = await tx.query(
      `insert into parking_operator.stay (session_id, place_id, space, credential, started_at)
       values ($1, $2, $3, $4, $5) on conflict do nothing`,
      [stay.sessionId, stay.placeId, stay.space, stay.credential, stay.startedAt],
    );
    if (stored.rowCount === 1) {
      await sendStay(tx, stay);
      return stay;
    }
    const before = await lockStay(tx, stay.sessionId);
    if (before === undefined) throw new Problem('CONFLICT_STATE', 'Another car is there.');
    const { startedAt, endedAt: _, ...said } = stay;
    const isSame =
      isDeepStrictEqual({ ...before, ...said }, before) &&
      (it.at === undefined || before.startedAt.getTime() === startedAt.getTime());
    if (!isSame) throw new Problem('IDEMPOTENCY_MISMATCH', 'This session was another stay.');
    return before;
  });
}

/**
 * A car drives out, where it can: over a flap that is down, or through the barrier with a ticket that is paid.
 * @throws {Problem} NOT_FOUND, CONFLICT_STATE if it is locked in
 */
export async function leave(pool: Pool, it: Where, at: Date): Promise<Stay> {
  return inTransaction(pool, async (tx) => {
    const stay = await lockOpenStay(tx, it);
    const lock = await lockOf(tx, stay.sessionId, at);
    if (!canLeave(stay, lock)) {
      throw new Problem('CONFLICT_STATE', `The car is locked in (${lock.state}): pay first.`);
    }
    // A barrier opens for the car before it, and nobody else.
    if (lock.state !== 'OPEN') await openLock(tx, stay.sessionId, { cause: 'EXIT', at });
    const left = await tx.query<Stay>(
      `update parking_operator.stay set ended_at = $2 where session_id = $1 returning ${STAY}`,
      [stay.sessionId, at],
    );
    const [gone] = left.rows;
    if (gone === undefined) throw noStay();
    await sendStay(tx, gone);
    return gone;
  });
}
