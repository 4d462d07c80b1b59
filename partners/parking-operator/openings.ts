import { inTransaction, type Pool } from '../shared/database.ts';
import { Problem } from '../shared/problem.ts';
import { lockOf, openLock } from './locks.ts';
import { placeOf } from './places.ts';
import type { Where } from './schemas.ts';
import { owedBy } from './settling.ts';
import { lockOpenStay, type Stay } from './stays.ts';

/**
 * Opens for the car that is there, where it is not open: the staff with its own key whatever was paid, the machine for a driver
 * who owes nothing now and was too slow for the flap.
 * @throws {Problem} NOT_FOUND, CONFLICT_STATE if a driver owes something
 */
export async function openAgain(pool: Pool, it: Where, by: 'STAFF' | 'MACHINE', at: Date): Promise<Stay> {
  return inTransaction(pool, async (tx) => {
    const stay = await lockOpenStay(tx, it);
    const owed = await owedBy(tx, await placeOf(tx, stay.placeId), stay, at);
    if (by === 'MACHINE' && !owed.isSettled) {
      throw new Problem('CONFLICT_STATE', `It stays shut: ${owed.amount} is to be paid first.`);
    }
    const { state } = await lockOf(tx, stay.sessionId, at);
    if (state !== 'OPEN') await openLock(tx, stay.sessionId, { cause: by, at });
    return stay;
  });
}
