import type { BreakClass, Counterpart } from '../domain/reconciliation/compare.ts';
import { inBatches, inSnapshot } from './cursor.ts';
import { oneRow, firstRow, rows, type Db, type Pool } from './pool.ts';
import { withTransaction } from './tx.ts';

/** Who resolves a break that is not found any more. */
export const AUTOMATIC_RESOLVER = 'reconciliation';

/** Those that a comparison finds and resolves; the others of an issuer are written where they happen, and a person resolves them. */
export const FOUND_BY_COMPARISON = `(b.counterpart <> 'ISSUER' or b.class in ('missing_theirs', 'missing_ours'))`;

/** Where our books and another side's differ. Amounts are signed minor units of the merchant's currency. */
export interface ReconciliationBreak {
  readonly breakId: string;
  readonly class: BreakClass;
  readonly counterpart: Counterpart;
  /** Null where it is about an issuer alone. */
  readonly merchantId: string | null;
  readonly issuerId: string | null;
  readonly day: string;
  readonly reference: string;
  readonly paymentId: string | null;
  readonly merchantPaymentId: string | null;
  readonly oursAmount: number | null;
  readonly theirsAmount: number | null;
  readonly currency: string | null;
  readonly detail: string;
  /** What it was before, and what persons said of that, if it was opened again. */
  readonly before: string | null;
  readonly openedAt: Date;
  readonly resolvedAt: Date | null;
  readonly resolver: string | null;
  readonly resolution: string | null;
}

const COLUMNS = `
  b.break_id as "breakId", b.class, b.counterpart, b.merchant_id as "merchantId", b.issuer_id as "issuerId", b.day::text as day, b.reference,
  b.payment_id as "paymentId",
  (select p.merchant_payment_id from payment p where p.payment_id = b.payment_id) as "merchantPaymentId", b.ours_amount as "oursAmount", b.theirs_amount as "theirsAmount",
  coalesce(b.currency, (select m.currency from merchant m where m.merchant_id = b.merchant_id)) as currency, b.detail, b.before,
  b.opened_at as "openedAt", b.resolved_at as "resolvedAt", b.resolver, b.resolution`;

/** Which breaks are asked for; what is undefined does not narrow. */
export interface BreakFilter {
  readonly merchantId: string | undefined;
  readonly class: BreakClass | undefined;
  readonly counterpart: Counterpart | undefined;
  readonly day: string | undefined;
  readonly open: boolean | undefined;
}

const FILTERED = `
  from reconciliation_break b
 where ($1::text is null or b.merchant_id = $1) and ($2::text is null or b.class = $2)
   and ($3::text is null or b.counterpart = $3) and ($4::date is null or b.day = $4)
   and ($5::boolean is null or (b.resolved_at is null) = $5)`;

function filterValues(it: BreakFilter): unknown[] {
  return [it.merchantId ?? null, it.class ?? null, it.counterpart ?? null, it.day ?? null, it.open ?? null];
}

/** Breaks, newest first. */
export async function listBreaks(
  db: Db,
  filter: BreakFilter,
  limit: number,
  after: { at: string; breakId: string } | undefined,
): Promise<{ items: ReconciliationBreak[]; next: { at: string; breakId: string } | undefined }> {
  const statement = {
    name: 'reconciliation_break_list',
    text: `select ${COLUMNS}, cursor_time(b.opened_at) as at ${FILTERED}
              and ($7::timestamptz is null or (b.opened_at, b.break_id) < ($7, $8))
            order by b.opened_at desc, b.break_id desc limit $6`,
  };
  const found = await rows<ReconciliationBreak & { at: string }>(db, statement, [
    ...filterValues(filter),
    limit + 1,
    after?.at ?? null,
    after?.breakId ?? null,
  ]);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.map(({ at: _, ...row }) => row),
    next: found.length > limit && last !== undefined ? { at: last.at, breakId: last.breakId } : undefined,
  };
}

const BATCH_ROWS = 500;
const READER_STALLS_MS = 60_000;

/** All breaks of a filter, newest first, in batches. A reader that takes nothing for a minute is left. */
export async function* readBreaks(
  pool: Pool,
  filter: BreakFilter,
): AsyncGenerator<ReconciliationBreak[], void, undefined> {
  yield* inSnapshot(pool, READER_STALLS_MS, (tx) =>
    inBatches<ReconciliationBreak & Record<string, unknown>>(
      tx,
      `select ${COLUMNS} ${FILTERED} order by b.opened_at desc, b.break_id desc`,
      filterValues(filter),
      BATCH_ROWS,
    ),
  );
}

/** One break. */
export async function findBreak(db: Db, breakId: string): Promise<ReconciliationBreak | undefined> {
  const statement = {
    name: 'reconciliation_break_find',
    text: `select ${COLUMNS} from reconciliation_break b where b.break_id = $1`,
  };
  return firstRow<ReconciliationBreak & Record<string, unknown>>(db, statement, [breakId]);
}

export type ResolveResult =
  | { readonly kind: 'resolved' | 'resolved_before'; readonly found: ReconciliationBreak }
  | { readonly kind: 'resolved_otherwise'; readonly found: ReconciliationBreak };

/** Resolves a break by a person; asking again with the same words finds it done. None for an unknown break. */
export async function resolveBreak(
  pool: Pool,
  it: { breakId: string; resolver: string; reason: string; now: Date },
): Promise<ResolveResult | undefined> {
  return withTransaction(pool, async (tx) => {
    const statement = {
      name: 'reconciliation_break_resolve',
      text: `update reconciliation_break set resolved_at = $4, resolver = $2, resolution = $3
              where break_id = $1 and resolved_at is null returning break_id`,
    };
    const changed = await rows(tx, statement, [it.breakId, it.resolver, it.reason, it.now]);
    const found = await findBreak(tx, it.breakId);
    if (found === undefined) return undefined;
    if (changed.length > 0) return { kind: 'resolved', found };
    const isSame = found.resolver === it.resolver && found.resolution === it.reason;
    return { kind: isSame ? 'resolved_before' : 'resolved_otherwise', found };
  });
}

/** Open breaks of a range of days by class. */
export async function countOpenBreaks(
  db: Db,
  it: { from: string; to: string; merchantId?: string | undefined },
): Promise<Partial<Record<BreakClass, number>>> {
  const statement = {
    name: 'reconciliation_count_open',
    text: `select coalesce(json_object_agg(class, n), '{}'::json) as counts from (
             select class, count(*) as n from reconciliation_break
              where resolved_at is null and day between $1::date and $2::date and ($3::text is null or merchant_id = $3)
              group by class order by class) c`,
  };
  const { counts } = await oneRow<{ counts: Partial<Record<BreakClass, number>> }>(db, statement, [
    it.from,
    it.to,
    it.merchantId ?? null,
  ]);
  return counts;
}
