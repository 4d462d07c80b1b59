import { offlineKeyContext } from './offline-key.ts';
import { rows, type Db } from './pool.ts';
import { pushTargetContext } from './push-subscription.ts';
import type { Sealer } from './sealed.ts';

/** A table that holds sealed values, by its primary key. */
interface SealedTable {
  readonly table: string;
  readonly id: string;
  readonly contextOf: (id: string) => string;
}

const SEALED_TABLES: readonly SealedTable[] = [
  { table: 'webhook_secret', id: 'secret_id', contextOf: (secretId) => secretId },
  { table: 'offline_key', id: 'handle', contextOf: offlineKeyContext },
  { table: 'push_subscription', id: 'push_id', contextOf: pushTargetContext },
];

const BATCH = 500;

export interface ResealCount {
  readonly table: string;
  readonly seen: number;
  readonly resealed: number;
  /** Rows that open with no key at hand: they are left as they are. */
  readonly unreadable: readonly string[];
}

/**
 * Seals with the current data key what another one still seals: webhook secrets, offline keys and push subscriptions. Safe beside
 * running programs and after an interruption: a batch is one statement, what is current already is left alone, and a row that changed
 * meanwhile is not overwritten (whoever changed it sealed it with a current key, or the next run finds it).
 */
export async function resealAll(
  db: Db,
  sealer: Sealer,
  onBatch: (table: string, seen: number) => void = () => undefined,
  batch = BATCH,
): Promise<ResealCount[]> {
  const counts: ResealCount[] = [];
  for (const it of SEALED_TABLES) counts.push(await resealTable(db, sealer, it, onBatch, batch));
  return counts;
}

async function resealTable(
  db: Db,
  sealer: Sealer,
  it: SealedTable,
  onBatch: (table: string, seen: number) => void,
  batch: number,
): Promise<ResealCount> {
  const count = { table: it.table, seen: 0, resealed: 0, unreadable: [] as string[] };
  let after = '';
  for (;;) {
    const page = await sealedPage(db, it, after, batch);
    const stale: Resealed[] = [];
    for (const { id, sealed } of page) {
      const context = it.contextOf(id);
      if (sealer.isCurrent(sealed, context)) continue;
      const plain = openOrNothing(sealer, sealed, context);
      if (plain === undefined) count.unreadable.push(id);
      else stale.push({ id, before: sealed, after: sealer.seal(plain, context) });
    }
    count.seen += page.length;
    count.resealed += await replaceSealed(db, it, stale);
    onBatch(it.table, count.seen);
    const last = page.at(-1);
    if (page.length < batch || last === undefined) return count;
    after = last.id;
  }
}

function openOrNothing(sealer: Sealer, sealed: Buffer, context: string): Buffer | undefined {
  try {
    return sealer.open(sealed, context);
  } catch {
    return undefined;
  }
}

async function sealedPage(
  db: Db,
  { table, id }: SealedTable,
  after: string,
  limit: number,
): Promise<{ id: string; sealed: Buffer }[]> {
  const statement = {
    name: `reseal_page_${table}`,
    text: `select ${id} as id, sealed from ${table} where ${id} > $1 order by ${id} limit $2`,
  };
  return rows(db, statement, [after, limit]);
}

interface Resealed {
  readonly id: string;
  readonly before: Buffer;
  readonly after: Buffer;
}

async function replaceSealed(
  db: Db,
  { table, id }: SealedTable,
  stale: readonly Resealed[],
): Promise<number> {
  if (stale.length === 0) return 0;
  const statement = {
    name: `reseal_${table}`,
    // Locked in the order of ids, as whoever locks several rows does.
    text: `with locked as (
             select ${id} as id, n.sealed
               from ${table} t join unnest($1::text[], $2::bytea[], $3::bytea[]) as n (id, before, sealed)
                 on t.${id} = n.id and t.sealed = n.before
              order by t.${id} for update of t)
           update ${table} t set sealed = locked.sealed from locked where t.${id} = locked.id returning t.${id}`,
  };
  const values = [stale.map((it) => it.id), stale.map((it) => it.before), stale.map((it) => it.after)];
  return (await rows(db, statement, values)).length;
}
