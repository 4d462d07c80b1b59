import type { Db } from '../../db/pool.ts';
import { isTimeZoneOfDatabase } from '../../db/time-zone.ts';
import { invalidRequest } from './problem.ts';

/**
 * Refuses a zone that Postgres does not know by this name: deadlines are computed there, and its tables differ from
 * ours in old names and abbreviations (IST is Israel's there).
 */
export async function requireTimeZone(db: Db, timeZone: string): Promise<void> {
  if (await isTimeZoneOfDatabase(db, timeZone)) return;
  const detail = 'Not an IANA time zone, for example Asia/Tokyo';
  throw invalidRequest([{ pointer: '/timeZone', code: 'CUSTOM', detail, in: 'body' }]);
}
