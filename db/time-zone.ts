import { oneRow, type Db } from './pool.ts';

/** Whether Postgres knows a zone by this full name; abbreviations are none. */
export async function isTimeZoneOfDatabase(db: Db, timeZone: string): Promise<boolean> {
  const statement = {
    name: 'time_zone_known',
    text: 'select exists (select 1 from pg_timezone_names where name = $1) as known',
  };
  return (await oneRow<{ known: boolean }>(db, statement, [timeZone])).known;
}
