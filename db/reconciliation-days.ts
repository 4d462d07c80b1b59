import { RECONCILIATION_POLICY } from '../domain/reconciliation/policy.ts';
import { rows, type Db } from './pool.ts';
import { FOUND_BY_COMPARISON } from './reconciliation-break.ts';
import type { ComparedDay } from './reconciliation-positions.ts';

/** The next merchants in order of their ids. */
export async function merchantsAfter(db: Db, after: string, limit: number): Promise<string[]> {
  const statement = {
    name: 'reconciliation_merchants',
    text: 'select merchant_id as id from merchant where merchant_id > $1 order by merchant_id limit $2',
  };
  return (await rows<{ id: string }>(db, statement, [after, limit])).map((row) => row.id);
}

/**
 * Days on which something is open, however long ago they are, by merchant: breaks that a comparison has found, disputed payments, and
 * payments and refunds that nobody waits for any more.
 */
export async function daysWithOrphans(
  db: Db,
  it: { merchantId?: string | undefined; at: string },
): Promise<Map<string, string[]>> {
  const { openBreakDays, overdueMs, undecidedMs } = RECONCILIATION_POLICY;
  const statement = {
    name: 'reconciliation_orphan_days',
    text: `
      select "merchantId", array_agg(day::text order by day) as days from (
        select merchant_id as "merchantId", day from reconciliation_break b
         where resolved_at is null and merchant_id is not null and ${FOUND_BY_COMPARISON} and opened_at > $2::timestamptz - make_interval(days => $3)
        union
        select p.merchant_id, (p.decided_at at time zone m.time_zone)::date
          from payment p join merchant m using (merchant_id)
         where p.reconciliation in ('PENDING', 'DISPUTED')
           and (p.reconciliation = 'DISPUTED' or p.reconcile_until < $2::timestamptz - make_interval(secs => $4 / 1000.0))
        union
        select p.merchant_id, (p.requested_at at time zone m.time_zone)::date
          from payment p join merchant m using (merchant_id)
         where p.status = 'IN_PROGRESS' and p.requested_at < $2::timestamptz - make_interval(secs => $5 / 1000.0)
        union
        select f.merchant_id, (f.requested_at at time zone m.time_zone)::date
          from refund f join merchant m using (merchant_id)
         where f.status = 'IN_PROGRESS' and f.requested_at < $2::timestamptz - make_interval(secs => $5 / 1000.0)) d
       where $1::text is null or "merchantId" = $1 group by 1`,
  };
  const values = [it.merchantId ?? null, it.at, openBreakDays, overdueMs, undecidedMs];
  const found = await rows<{ merchantId: string; days: string[] }>(db, statement, values);
  return new Map(found.map((row) => [row.merchantId, row.days]));
}

/**
 * A merchant's days of a range, and those of `also`, that are over, oldest first. With `onlyNews` only those of `also` and those that
 * have not been compared since they were over or have heard of something: a file of theirs or a neighbouring day's, a phone's journal,
 * a cancel.
 */
export async function daysToCompare(
  db: Db,
  it: {
    merchantId: string;
    from: string;
    to: string;
    overBefore: string;
    onlyNews: boolean;
    also?: readonly string[] | undefined;
  },
): Promise<ComparedDay[]> {
  const statement = {
    name: 'reconciliation_days',
    text: `
      select m.merchant_id as "merchantId", m.time_zone as "timeZone", m.currency, d.day::text as day,
             cursor_time(local_day_start(d.day, m.time_zone)) as begins,
             cursor_time(local_day_start(d.day + 1, m.time_zone)) as ends,
             cursor_time(local_day_start(d.day - 2, m.time_zone)) as "wideBegins",
             cursor_time(local_day_start(d.day + 3, m.time_zone)) as "wideEnds"
        from merchant m, lateral (select ($2::date + n) as day from generate_series(0, $3::date - $2::date) n
                                  union select unnest($6::date[])) d
             left join reconciled_day r on r.merchant_id = $1 and r.day = d.day
       where m.merchant_id = $1 and local_day_start(d.day + 1, m.time_zone) <= $4::timestamptz
         and (not $5::boolean or r.reconciled_at is null
              or d.day = any ($6::date[])
              or exists (select 1 from reconciliation_break b where b.merchant_id = $1 and b.day = d.day
                           and b.resolved_at is null and ${FOUND_BY_COMPARISON})
              or exists (select 1 from payment p where p.merchant_id = $1 and p.canceled_at >= r.reconciled_at
                           and p.decided_at >= local_day_start(d.day, m.time_zone)
                           and p.decided_at < local_day_start(d.day + 1, m.time_zone))
              or exists (select 1 from merchant_file f where f.merchant_id = $1
                           and f.day between d.day - 2 and d.day + 2 and f.received_at >= r.reconciled_at)
              or exists (select 1 from payment p where p.merchant_id = $1 and p.reconciled_at >= r.reconciled_at
                           and p.decided_at >= local_day_start(d.day, m.time_zone)
                           and p.decided_at < local_day_start(d.day + 1, m.time_zone)))
       order by d.day`,
  };
  return rows<ComparedDay & Record<string, unknown>>(db, statement, [
    it.merchantId,
    it.from,
    it.to,
    it.overBefore,
    it.onlyNews,
    it.also ?? [],
  ]);
}
