import type { ParkingSession } from '../domain/parking/place.ts';
import type { RateTable } from '../domain/parking/rate-table.ts';
import { firstRow, rows, type Db, type Pool } from './pool.ts';
import { withTransaction } from './tx.ts';

/** What an operator's server tells of a stay; what it leaves out stays as it was told before. */
export type SessionToPut = Omit<ParkingSession, 'rateTableVersion'>;

export type PutSessionOutcome =
  | { readonly kind: 'STORED'; readonly session: ParkingSession; readonly changed: boolean }
  | { readonly kind: 'UNKNOWN_PLACE' }
  | { readonly kind: 'UNKNOWN_SPACE' }
  /** It was told otherwise before: these fields differ. */
  | { readonly kind: 'DIFFERS'; readonly fields: readonly (keyof SessionToPut)[] };

/**
 * Stores what is told of a session: entry, exit, or both, in any order and any number of times. What is known once does not change: an
 * entry that comes after the exit opens nothing.
 */
export async function putParkingSession(pool: Pool, told: SessionToPut): Promise<PutSessionOutcome> {
  return withTransaction(pool, async (tx): Promise<PutSessionOutcome> => {
    const place = await findPlaceOfOperator(tx, told);
    if (place === undefined) return { kind: 'UNKNOWN_PLACE' };
    const known = await lockSession(tx, told);
    if (known !== undefined) return mergeSession(tx, known, told);
    const isSpace =
      told.space === undefined || place.spaces.length === 0 || place.spaces.includes(told.space);
    if (!isSpace) return { kind: 'UNKNOWN_SPACE' };
    const session = await insertSession(tx, told);
    if (session !== undefined) return { kind: 'STORED', session, changed: true };
    // Told by two at once, and the other one was first: it has committed by now.
    const first = await lockSession(tx, told);
    if (first === undefined) throw new Error('a session that was there is gone');
    return mergeSession(tx, first, told);
  });
}

async function mergeSession(tx: Db, known: ParkingSession, told: SessionToPut): Promise<PutSessionOutcome> {
  const fields = (['placeId', 'space', 'credential', 'startedAt', 'endedAt'] as const).filter((field) => {
    const { [field]: before } = known;
    return before !== undefined && told[field] !== undefined && before !== told[field];
  });
  if (fields.length > 0) return { kind: 'DIFFERS', fields };
  const isNews = (['space', 'credential', 'endedAt'] as const).some(
    (field) => known[field] === undefined && told[field] !== undefined,
  );
  if (!isNews) return { kind: 'STORED', session: known, changed: false };
  await updateSession(tx, told);
  return { kind: 'STORED', session: { ...known, ...defined(told) }, changed: true };
}

function defined(told: SessionToPut): Partial<SessionToPut> {
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
}

async function findPlaceOfOperator(
  tx: Db,
  { operatorId, placeId }: SessionToPut,
): Promise<{ spaces: string[] } | undefined> {
  const statement = {
    name: 'parking_place_of_operator',
    text: 'select spaces from parking_place where place_id = $1 and operator_id = $2',
  };
  return firstRow<{ spaces: string[] }>(tx, statement, [placeId, operatorId]);
}

const SESSION_VIEW = `json_strip_nulls(json_build_object(
  'sessionId', s.session_id, 'operatorId', s.operator_id, 'placeId', s.place_id, 'space', s.space, 'credential', s.credential,
  'startedAt', rfc3339(s.started_at), 'endedAt', rfc3339(s.ended_at), 'rateTableVersion', s.rate_version))`;

/** With the rate table in force at entry, or the first one there was if the entry is older. Undefined if the session is known. */
async function insertSession(tx: Db, it: SessionToPut): Promise<ParkingSession | undefined> {
  const statement = {
    name: 'parking_session_insert',
    text: `insert into parking_session as s (operator_id, session_id, place_id, space, credential, started_at, ended_at, rate_version)
           values ($1, $2, $3, $4, $5, $6, $7, coalesce(
             (select version from parking_rate_table where place_id = $3 and valid_from <= $6 order by version desc limit 1),
             (select min(version) from parking_rate_table where place_id = $3)))
           on conflict (operator_id, session_id) do nothing
           returning ${SESSION_VIEW} as view`,
  };
  const values = [it.operatorId, it.sessionId, it.placeId, it.space, it.credential, it.startedAt, it.endedAt];
  return (await firstRow<{ view: ParkingSession }>(tx, statement, values))?.view;
}

async function lockSession(
  tx: Db,
  { operatorId, sessionId }: SessionToPut,
): Promise<ParkingSession | undefined> {
  const statement = {
    name: 'parking_session_lock',
    text: `select ${SESSION_VIEW} as view from parking_session s where operator_id = $1 and session_id = $2 for update`,
  };
  return (await firstRow<{ view: ParkingSession }>(tx, statement, [operatorId, sessionId]))?.view;
}

async function updateSession(tx: Db, it: SessionToPut): Promise<void> {
  const statement = {
    name: 'parking_session_update',
    text: `update parking_session set space = coalesce(space, $3), credential = coalesce(credential, $4),
                  ended_at = coalesce(ended_at, $5), updated_at = now()
            where operator_id = $1 and session_id = $2`,
  };
  await rows(tx, statement, [it.operatorId, it.sessionId, it.space, it.credential, it.endedAt]);
}

export async function findParkingSession(
  db: Db,
  operatorId: string,
  sessionId: string,
): Promise<ParkingSession | undefined> {
  const statement = {
    name: 'parking_session_find',
    text: `select ${SESSION_VIEW} as view from parking_session s where operator_id = $1 and session_id = $2`,
  };
  return (await firstRow<{ view: ParkingSession }>(db, statement, [operatorId, sessionId]))?.view;
}

/** An open session with the rate table it keeps, if it has one. */
export interface OpenSession {
  readonly session: ParkingSession;
  readonly rateTable: RateTable | undefined;
}

/**
 * The open session that a driver means by a space or a credential. If an exit was never told, an older session may be open there too: the
 * one that began last is meant.
 */
export async function findOpenParkingSession(
  db: Db,
  placeId: string,
  by: { readonly space: string } | { readonly credential: string },
): Promise<OpenSession | undefined> {
  const [column, value] = 'space' in by ? ['space', by.space] : ['credential', by.credential];
  const statement = {
    name: `parking_session_open_by_${column}`,
    text: `select ${SESSION_VIEW} as session, r.rate_table as "table"
             from parking_session s left join parking_rate_table r on r.place_id = s.place_id and r.version = s.rate_version
            where s.place_id = $1 and s.${column} = $2 and s.ended_at is null order by s.started_at desc limit 1`,
  };
  const found = await firstRow<{ session: ParkingSession; table: RateTable | null }>(db, statement, [
    placeId,
    value,
  ]);
  return found && { session: found.session, rateTable: found.table ?? undefined };
}

/** The rate table that a session keeps; undefined if there was none at entry. */
export async function findRateTable(
  db: Db,
  placeId: string,
  version: number,
): Promise<RateTable | undefined> {
  const statement = {
    name: 'parking_rate_table_find',
    text: 'select rate_table as "table" from parking_rate_table where place_id = $1 and version = $2',
  };
  const found = await firstRow<{ table: RateTable | null }>(db, statement, [placeId, version]);
  return found?.table ?? undefined;
}
