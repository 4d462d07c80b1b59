import type { PolicySummary } from '../domain/dunning/summary.ts';
import { rows, type Pool } from './pool.ts';
import { withTransaction } from './tx.ts';

/** Which campaigns are summed up; what is undefined does not narrow. */
export interface SummaryFilter {
  readonly issuerId: string | undefined;
  /** Registered at or after this moment, RFC 3339. */
  readonly from: string | undefined;
  /** Registered before this moment. */
  readonly to: string | undefined;
}

const DEADLINE_MS = 60_000;

/** Messages and deferrals of a year are read once each, and Postgres can share that among processes: nothing large is kept between. */
const FIGURES = `
  with d as not materialized (
    select issuer_id, debt_id, policy_version, state, closed_at from debt
     where ($1::text is null or issuer_id = $1) and ($2::timestamptz is null or registered_at >= $2)
       and ($3::timestamptz is null or registered_at < $3)),
  counts as (
    select policy_version, json_build_object(
        'registered', count(*), 'open', count(*) filter (where closed_at is null),
        'settled', count(*) filter (where state = 'SETTLED'), 'withdrawn', count(*) filter (where state = 'WITHDRAWN'),
        'exhausted', count(*) filter (where state = 'EXHAUSTED')) as debts
      from d group by policy_version),
  sent as materialized (
    select d.policy_version, m.stage, m.cadence, count(*) as sent, count(m.displayed_at) as displayed, count(m.opened_at) as opened
      from d join debt_message m using (issuer_id, debt_id) group by 1, 2, 3),
  contacts as (
    select policy_version, sum(sent) as sent, sum(displayed) as displayed, sum(opened) as opened from sent group by 1),
  paid as materialized (
    select d.policy_version, c.stage, c.cadence, count(*) as repayments,
           round((percentile_cont(0.5) within group (order by extract(epoch from r.received_at - c.sent_at)) / 3600)::numeric, 1) as hours
      from d join repayment r using (issuer_id, debt_id)
      left join lateral (
        select m.stage, m.cadence, m.sent_at from debt_message m
         where m.issuer_id = r.issuer_id and m.debt_id = r.debt_id and m.sent_at <= r.received_at
         order by m.contact_no desc limit 1) c on true
     group by 1, 2, 3),
  stages as (
    select s.policy_version, json_agg(json_build_object(
        'stage', s.stage, 'cadence', s.cadence, 'sent', s.sent, 'opened', s.opened,
        'openedShare', round(s.opened::numeric / s.sent, 4), 'repayments', coalesce(p.repayments, 0),
        'medianHoursToRepayment', p.hours)
        order by s.stage, array_position(array['FIRST', 'TO_24H', 'TO_48H', 'TO_96H', 'OVER_96H'], s.cadence)) as by_stage
      from sent s left join paid p using (policy_version, stage, cadence) group by 1),
  moved as (
    select policy_version, json_agg(json_build_object('reason', reason, 'count', n) order by n desc, reason) as deferrals
      from (select d.policy_version, f.reason, count(*) as n
              from d join debt_deferral f using (issuer_id, debt_id) group by 1, 2) g group by 1)
  select json_build_object(
      'policyVersion', n.policy_version, 'debts', n.debts,
      'contacts', json_build_object('sent', coalesce(t.sent, 0), 'displayed', coalesce(t.displayed, 0),
        'opened', coalesce(t.opened, 0), 'openedShare', round(t.opened::numeric / t.sent, 4)),
      'byStage', coalesce(s.by_stage, '[]'::json),
      'repaymentsBeforeContact', coalesce((select sum(p.repayments) from paid p
                                            where p.policy_version = n.policy_version and p.stage is null), 0),
      'deferrals', coalesce(v.deferrals, '[]'::json)) as summary
    from counts n left join contacts t using (policy_version) left join stages s using (policy_version)
    left join moved v using (policy_version)
   order by n.policy_version`;

/** Sums up campaigns by the version of their policy, over one snapshot. */
export async function dunningSummary(pool: Pool, filter: SummaryFilter): Promise<PolicySummary[]> {
  return withTransaction(pool, async (tx) => {
    await tx.query('set transaction isolation level repeatable read, read only');
    await tx.query(`set local statement_timeout = ${DEADLINE_MS}`);
    // Debts of a year are looked up in memory.
    await tx.query("set local work_mem = '64MB'");
    // Compiling takes longer here than it saves.
    await tx.query('set local jit = off');
    // All there is, or one of many issuers': one plan does not fit both.
    await tx.query('set local plan_cache_mode = force_custom_plan');
    const found = await rows<{ summary: PolicySummary }>(tx, { name: 'dunning_summary', text: FIGURES }, [
      filter.issuerId ?? null,
      filter.from ?? null,
      filter.to ?? null,
    ]);
    return found.map((row) => row.summary);
  });
}
