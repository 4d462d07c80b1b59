import type { Pool, Transaction } from '../shared/database.ts';
import { Problem } from '../shared/problem.ts';
import type { PlaceBody, Tariff } from './schemas.ts';

export interface Place extends PlaceBody {
  readonly placeId: string;
  readonly tariff: Tariff;
}

const PLACE = `place_id as "placeId", name, spaces, tariff, accepts_other_fees as "acceptsOtherFees"`;

/** Stores a place, instead of what was said of it before. */
export async function putPlace(pool: Pool, it: Place): Promise<Place> {
  await pool.query(
    `insert into parking_operator.place (place_id, name, spaces, tariff, accepts_other_fees) values ($1, $2, $3, $4, $5)
     on conflict (place_id) do update set name = excluded.name, spaces = excluded.spaces, tariff = excluded.tariff,
       accepts_other_fees = excluded.accepts_other_fees`,
    [it.placeId, it.name, it.spaces, JSON.stringify(it.tariff), it.acceptsOtherFees],
  );
  return it;
}

/** @throws {Problem} NOT_FOUND */
export async function placeOf(db: Pool | Transaction, placeId: string): Promise<Place> {
  const found = await db.query<Place>(`select ${PLACE} from parking_operator.place where place_id = $1`, [
    placeId,
  ]);
  const [place] = found.rows;
  if (place === undefined) throw new Problem('NOT_FOUND', 'There is no such place.');
  return place;
}

export async function listPlaces(pool: Pool): Promise<Place[]> {
  const found = await pool.query<Place>(`select ${PLACE} from parking_operator.place order by place_id`);
  return found.rows;
}
