import type { Journal, JournalResult } from '../domain/journal/journal.ts';
import { oneRow, type Db } from './pool.ts';

/** Records a journal and reconciles the payments it speaks of, in one transaction; repeating it is safe. */
export async function recordJournal(db: Db, journal: Journal): Promise<JournalResult> {
  const statement = { name: 'journal_record', text: 'select journal_record($1::jsonb) as result' };
  return (await oneRow<{ result: JournalResult }>(db, statement, [JSON.stringify(journal)])).result;
}
