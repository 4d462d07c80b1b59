import type { FoundPlace, ParkingOperator, ParkingPlace, Position } from '../domain/parking/place.ts';
import type { RateTable } from '../domain/parking/rate-table.ts';
import { putOperatorMerchant } from './parking-merchant.ts';
import { firstRow, oneRow, rows, type Db, type Pool } from './pool.ts';
import { sqlState, withTransaction } from './tx.ts';

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

/** Stores an operator as given, in place of what was stored, and with it the merchant that it is paid as. */
export async function putParkingOperator(pool: Pool, it: ParkingOperator): Promise<void> {
  await withTransaction(pool, async (tx) => {
    await upsertOperator(tx, it);
    await putOperatorMerchant(tx, it);
  });
}

async function upsertOperator(tx: Db, it: ParkingOperator): Promise<void> {
  const statement = {
    name: 'parking_operator_put',
    text: `insert into parking_operator (operator_id, name, time_zone, holidays, fee_source, fallback_to_rate_table, release,
                                         base_url, invoice_number, phone)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
           on conflict (operator_id) do update
              set name = excluded.name, time_zone = excluded.time_zone, holidays = excluded.holidays,
                  fee_source = excluded.fee_source, fallback_to_rate_table = excluded.fallback_to_rate_table,
                  release = excluded.release, base_url = excluded.base_url, invoice_number = excluded.invoice_number,
                  phone = excluded.phone, updated_at = now()`,
  };
  await rows(tx, statement, [
    it.operatorId,
    it.name,
    it.timeZone,
    it.holidays,
    it.feeSource,
    it.fallbackToRateTable,
    it.release,
    it.baseUrl,
    it.invoiceNumber,
    it.phone,
  ]);
}

export async function findParkingOperator(db: Db, operatorId: string): Promise<ParkingOperator | undefined> {
  const statement = {
    name: 'parking_operator_find',
    text: `select json_strip_nulls(json_build_object(
                    'operatorId', operator_id, 'name', name, 'timeZone', time_zone, 'holidays', holidays,
                    'feeSource', fee_source, 'fallbackToRateTable', fallback_to_rate_table, 'release', release,
                    'baseUrl', base_url, 'invoiceNumber', invoice_number, 'phone', phone)) as view
             from parking_operator where operator_id = $1`,
  };
  return (await firstRow<{ view: ParkingOperator }>(db, statement, [operatorId]))?.view;
}

export type PutPlaceOutcome =
  | { readonly kind: 'STORED'; readonly rateTableVersion: number | undefined; readonly newTable: boolean }
  | { readonly kind: 'UNKNOWN_OPERATOR' }
  /** The id is another operator's. */
  | { readonly kind: 'NOT_OURS' }
  | { readonly kind: 'SITE_CODE_TAKEN' };

export type PlaceToPut = Omit<ParkingPlace, 'rateTableVersion'> & {
  /** Of the rate table's content, whatever the order of its fields. */
  readonly rateTableHash: string;
  readonly at: Date;
};

/** Stores a place as given. A rate table that differs from the one in force is a new version, in force from `at`. */
export async function putParkingPlace(pool: Pool, place: PlaceToPut): Promise<PutPlaceOutcome> {
  try {
    return await withTransaction(pool, (tx) => putParkingPlaceIn(tx, place));
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) return { kind: 'SITE_CODE_TAKEN' };
    if (sqlState(error) === FOREIGN_KEY_VIOLATION) return { kind: 'UNKNOWN_OPERATOR' };
    throw error;
  }
}

async function putParkingPlaceIn(tx: Db, it: PlaceToPut): Promise<PutPlaceOutcome> {
  const stored = await firstRow(
    tx,
    {
      name: 'parking_place_put',
      text: `insert into parking_place (place_id, operator_id, kind, name, position, spaces, site_code)
             values ($1, $2, $3, $4, point($5, $6), $7, $8)
             on conflict (place_id) do update
                set kind = excluded.kind, name = excluded.name, position = excluded.position, spaces = excluded.spaces,
                    site_code = excluded.site_code, updated_at = now()
              where parking_place.operator_id = excluded.operator_id
             returning place_id`,
    },
    [it.placeId, it.operatorId, it.kind, it.name, ...degrees(it.position), it.spaces, it.siteCode],
  );
  if (stored === undefined) return { kind: 'NOT_OURS' };
  const { version, isNew } = await keepRateTable(tx, it);
  return {
    kind: 'STORED',
    rateTableVersion: it.rateTable === undefined ? undefined : version,
    newTable: isNew,
  };
}

/** Under the place's row lock: of two changes at once one comes after the other. */
async function keepRateTable(tx: Db, it: PlaceToPut): Promise<{ version: number; isNew: boolean }> {
  const last = await firstRow<{ version: number; hash: string }>(
    tx,
    {
      name: 'parking_rate_table_last',
      text: `select version, content_hash as hash from parking_rate_table where place_id = $1
              order by version desc limit 1`,
    },
    [it.placeId],
  );
  if (last?.hash === it.rateTableHash) return { version: last.version, isNew: false };
  if (last === undefined && it.rateTable === undefined) return { version: 0, isNew: false };
  const table = it.rateTable === undefined ? null : JSON.stringify(it.rateTable);
  const { version } = await oneRow<{ version: number }>(
    tx,
    {
      name: 'parking_rate_table_insert',
      text: `insert into parking_rate_table (place_id, version, rate_table, content_hash, valid_from)
             values ($1, $2, $3, $4, $5) returning version`,
    },
    [it.placeId, (last?.version ?? 0) + 1, table, it.rateTableHash, it.at],
  );
  return { version, isNew: true };
}

const PLACE_FIELDS = `'placeId', p.place_id, 'operatorId', p.operator_id, 'kind', p.kind, 'name', p.name,
  'position', json_build_object('lat', p.position[1], 'lon', p.position[0]),
  'spaces', to_json(p.spaces), 'siteCode', p.site_code`;

/** A place with the rate table in force, if it has one. */
export async function findParkingPlace(db: Db, placeId: string): Promise<ParkingPlace | undefined> {
  const statement = {
    name: 'parking_place_find',
    text: `select json_build_object(${PLACE_FIELDS}) as place, r.version, r.rate_table as "table"
             from parking_place p
             left join lateral (select version, rate_table from parking_rate_table where place_id = p.place_id
                                 order by version desc limit 1) r on r.rate_table is not null
            where p.place_id = $1`,
  };
  interface Row extends Record<string, unknown> {
    readonly place: ParkingPlace;
    readonly version: number | null;
    readonly table: RateTable | null;
  }
  const found = await firstRow<Row>(db, statement, [placeId]);
  if (found === undefined) return undefined;
  const { place, version, table } = found;
  return table === null || version === null
    ? place
    : { ...place, rateTable: table, rateTableVersion: version };
}

/** Longitude and latitude for Postgres, to a tenth of a millimetre: it refuses numbers that JSON can write, such as 5e-324. */
function degrees({ lat, lon }: Position): [number, number] {
  return [Number(lon.toFixed(9)), Number(lat.toFixed(9))];
}

export async function findPlaceBySiteCode(
  db: Db,
  siteCode: string,
  from: Position | undefined,
): Promise<FoundPlace | undefined> {
  const statement = {
    name: 'parking_place_by_site_code',
    text: `select json_strip_nulls(json_build_object(${PLACE_FIELDS}, 'operatorName', o.name,
                    'distanceM', round(great_circle_metres(p.position, point($2, $3))))) as view
             from parking_place p join parking_operator o using (operator_id) where p.site_code = $1`,
  };
  const values = [siteCode, ...(from === undefined ? [null, null] : degrees(from))];
  return (await firstRow<{ view: FoundPlace }>(db, statement, values))?.view;
}

/** Places within so many metres of a position, nearest first. */
export async function findPlacesNear(
  db: Db,
  from: Position,
  radiusM: number,
  limit: number,
): Promise<FoundPlace[]> {
  const statement = {
    name: 'parking_place_near',
    text: `select json_build_object(${PLACE_FIELDS}, 'operatorName', o.name, 'distanceM', round(near.metres)) as view
             from (select q.place_id, great_circle_metres(q.position, point($1, $2)) as metres
                     from unnest(boxes_around(point($1, $2), $3)) as b(area)
                     join parking_place q on q.position <@ b.area
                    where great_circle_metres(q.position, point($1, $2)) <= $3
                    order by metres, q.place_id limit $4) near
             join parking_place p using (place_id) join parking_operator o using (operator_id)
            order by near.metres, p.place_id`,
  };
  const found = await rows<{ view: FoundPlace }>(db, statement, [...degrees(from), radiusM, limit]);
  return found.map((it) => it.view);
}

/** Names and site codes of an operator's places, by id. */
export async function listPlacesOfOperator(
  db: Db,
  operatorId: string,
): Promise<{ placeId: string; name: string; siteCode: string }[]> {
  const statement = {
    name: 'parking_places_of_operator',
    text: `select place_id as "placeId", name, site_code as "siteCode" from parking_place
            where operator_id = $1 order by place_id`,
  };
  return rows(db, statement, [operatorId]);
}
