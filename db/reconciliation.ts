import type pg from 'pg';
import {
  compare,
  describeDifference,
  type BreakClass,
  type Counterpart,
} from '../domain/reconciliation/compare.ts';
import { RECONCILIATION_POLICY } from '../domain/reconciliation/policy.ts';
import { inBatches } from './cursor.ts';
import { newId } from './id.ts';
import { accountId } from './ledger.ts';
import { oneRow, rows, type Db, type Pool } from './pool.ts';
import { AUTOMATIC_RESOLVER, FOUND_BY_COMPARISON } from './reconciliation-break.ts';
import {
  FILE_POSITIONS,
  ISSUER_POSITIONS,
  ISSUER_REFUND_POSITIONS,
  JOURNAL_POSITIONS,
  LEDGER_POSITIONS,
  positionOf,
  type ComparedDay,
  type IssuerRefundRow,
  type IssuerRow,
  type JournalRow,
  type PositionRow,
} from './reconciliation-positions.ts';
import { withTransaction } from './tx.ts';

const PAGE_ROWS = 1_000;
const QUERY_MS = 10 * 60_000;

export interface EntryRange {
  readonly first: number;
  readonly last: number;
}

/** The ids of the entries posted in a stretch of time, so that an account's are found by its index. */
export async function entryRange(tx: Db, begins: string, ends: string): Promise<EntryRange> {
  const statement = {
    name: 'reconciliation_entry_range',
    // `offset 0`: the least id is not to be looked for from the first entry ever.
    text: `select coalesce(min(entry_id), 1)::bigint as first, coalesce(max(entry_id), 0)::bigint as last
             from (select entry_id from entry where posted_at >= $1 and posted_at < $2 offset 0) e`,
  };
  return oneRow<EntryRange & Record<string, unknown>>(tx, statement, [begins, ends]);
}

interface FoundBreak {
  readonly class: BreakClass;
  readonly reference: string;
  readonly paymentId: string | null;
  readonly oursAmount?: number | undefined;
  readonly theirsAmount?: number | undefined;
  readonly detail: string;
}

export interface DayResult {
  readonly opened: number;
  readonly resolved: number;
}

/**
 * Compares a merchant's day with the ledger, with its file if there is one, and with the phones' journals, in one
 * transaction: breaks found are written, breaks that have gone are resolved. Doing it again changes nothing.
 * @param rangeOf the ids of the entries of that day
 * @param onPage called after each page: at most a thousand references are in memory at a time
 */
export async function reconcileDay(
  pool: Pool,
  day: ComparedDay,
  at: string,
  rangeOf: (tx: Db, begins: string, ends: string) => Promise<EntryRange>,
  onPage: () => void,
): Promise<DayResult> {
  return withTransaction(pool, async (tx) => {
    await tx.query(`set local statement_timeout = ${QUERY_MS}`);
    await tx.query('set local plan_cache_mode = force_custom_plan');
    const { seenAt, hasFile } = await begin(tx, day);
    const range = await rangeOf(tx, day.begins, day.ends);
    const values = [
      day.merchantId,
      day.day,
      day.begins,
      day.ends,
      day.wideBegins,
      day.wideEnds,
      day.timeZone,
    ];
    let opened = 0;
    const record = async (counterpart: Counterpart, found: readonly FoundBreak[]): Promise<void> => {
      opened += await recordBreaks(tx, { day, counterpart, found, at, seenAt });
      onPage();
    };
    const ofAccount = [accountId.merchant(day.merchantId, day.currency), range.first, range.last];
    await comparePages(tx, 'LEDGER', LEDGER_POSITIONS, [...values, ...ofAccount], record);
    if (hasFile) await comparePages(tx, 'MERCHANT_FILE', FILE_POSITIONS, values, record);
    const { overdueMs, undecidedMs } = RECONCILIATION_POLICY;
    const ofDay = [day.merchantId, day.begins, day.ends, at];
    for await (const page of inBatches<JournalRow & pg.QueryResultRow>(
      tx,
      JOURNAL_POSITIONS,
      [...ofDay, overdueMs],
      PAGE_ROWS,
    )) {
      await record('DEVICE_JOURNAL', page.map(journalBreak));
    }
    for await (const page of inBatches<IssuerRow & pg.QueryResultRow>(
      tx,
      ISSUER_POSITIONS,
      [...ofDay, undecidedMs],
      PAGE_ROWS,
    )) {
      await record('ISSUER', page.map(issuerBreak));
    }
    for await (const page of inBatches<IssuerRefundRow & pg.QueryResultRow>(
      tx,
      ISSUER_REFUND_POSITIONS,
      [...ofDay, undecidedMs],
      PAGE_ROWS,
    )) {
      await record('ISSUER', page.map(issuerRefundBreak));
    }
    const compared: Counterpart[] = [
      'LEDGER',
      'DEVICE_JOURNAL',
      'ISSUER',
      ...(hasFile ? ['MERCHANT_FILE' as const] : []),
    ];
    return { opened, resolved: await resolveGone(tx, { day, compared, at, seenAt }) };
  });
}

/** Days are compared one after the other; remembers when this one was. */
async function begin(tx: Db, day: ComparedDay): Promise<{ seenAt: string; hasFile: boolean }> {
  const lock = {
    name: 'reconciliation_lock',
    text: `select pg_advisory_xact_lock(hashtextextended('reconciliation/' || $1::text || '/' || $2::text, 7))`,
  };
  await rows(tx, lock, [day.merchantId, day.day]);
  const statement = {
    name: 'reconciliation_begin',
    text: `insert into reconciled_day (merchant_id, day, reconciled_at) values ($1, $2, clock_timestamp())
           on conflict (merchant_id, day) do update set reconciled_at = excluded.reconciled_at
           returning cursor_time(reconciled_at) as "seenAt",
                     exists (select 1 from merchant_file f where f.merchant_id = $1 and f.day = $2) as "hasFile"`,
  };
  return oneRow<{ seenAt: string; hasFile: boolean }>(tx, statement, [day.merchantId, day.day]);
}

async function comparePages(
  tx: pg.PoolClient,
  counterpart: Counterpart,
  text: string,
  values: readonly unknown[],
  record: (counterpart: Counterpart, found: readonly FoundBreak[]) => Promise<void>,
): Promise<void> {
  for await (const page of inBatches<PositionRow & pg.QueryResultRow>(tx, text, values, PAGE_ROWS)) {
    const found = page.flatMap((row): FoundBreak[] => {
      const difference = compare(positionOf(row));
      if (difference === undefined) return [];
      return [
        { ...difference, paymentId: row.paymentId, detail: describeDifference(difference, counterpart) },
      ];
    });
    await record(counterpart, found);
  }
}

const JOURNAL_SAYS = {
  DISPUTED: { class: 'missing_theirs', what: "the phone's journal of that time does not have it" },
  UNCONFIRMED: { class: 'late', what: "the phone's journal did not come by the deadline" },
  PENDING: {
    class: 'late',
    what: "the phone's journal did not come by the deadline, and no workflow has noted that",
  },
} as const satisfies Record<JournalRow['reconciliation'], { class: BreakClass; what: string }>;

function journalBreak({ reference, paymentId, amount, reconciliation }: JournalRow): FoundBreak {
  const { class: found, what } = JOURNAL_SAYS[reconciliation];
  const detail = `our books have ${amount}, ${what}`;
  return { class: found, reference, paymentId, oursAmount: amount, detail };
}

function issuerBreak({ reference, paymentId, amount, status, needs }: IssuerRow): FoundBreak {
  const detail =
    needs === 'DECISION'
      ? `a payment of ${amount} waits for its issuer, and nobody asks any more`
      : `our books have a payment of ${amount} as ${status}, the issuer is not known to have confirmed its ${needs}`;
  return { class: 'missing_theirs', reference, paymentId, oursAmount: amount, detail };
}

function issuerRefundBreak({ reference, paymentId, amount, status }: IssuerRefundRow): FoundBreak {
  if (status === 'FAILED') {
    const detail = `our books have a refund of ${amount} as FAILED, the issuer has given it back`;
    return { class: 'missing_ours', reference, paymentId, theirsAmount: amount, detail };
  }
  const detail =
    status === 'IN_PROGRESS'
      ? `a refund of ${amount} waits for its issuer, and nobody asks any more`
      : `our books have a refund of ${amount} as COMPLETED, the issuer is not known to have given it back`;
  return { class: 'missing_theirs', reference, paymentId, oursAmount: amount, detail };
}

/**
 * Writes breaks, each once. One that had gone and is back is opened again, and so is one that a person resolved for other
 * amounts than these; what a person resolved as it is stays resolved.
 */
async function recordBreaks(
  tx: Db,
  it: {
    day: ComparedDay;
    counterpart: Counterpart;
    found: readonly FoundBreak[];
    at: string;
    seenAt: string;
  },
): Promise<number> {
  const { day, found } = it;
  if (found.length === 0) return 0;
  const statement = {
    name: 'reconciliation_record',
    text: `
      with recorded as (
        insert into reconciliation_break as b (break_id, class, counterpart, merchant_id, day, reference, payment_id,
               ours_amount, theirs_amount, detail, opened_at, seen_at)
        select f.break_id, f.class, $1, $2, $3, f.reference, f.payment_id, f.ours, f.theirs, f.detail, $4, $5
          from unnest($6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::text[])
               as f(break_id, class, reference, payment_id, ours, theirs, detail)
        on conflict (counterpart, merchant_id, day, class, reference) do update
           set seen_at = excluded.seen_at, payment_id = excluded.payment_id, ours_amount = excluded.ours_amount,
               theirs_amount = excluded.theirs_amount, resolved_at = null, resolver = null, resolution = null,
               opened_at = case when b.resolved_at is null then b.opened_at else excluded.opened_at end,
               detail = excluded.detail,
               before = case when b.resolver <> '${AUTOMATIC_RESOLVER}'
                 then concat_ws('; ', b.before, b.detail || ', resolved by ' || b.resolver || ': ' || coalesce(b.resolution, ''))
                 else b.before end
         where b.resolved_at is null or b.resolver = '${AUTOMATIC_RESOLVER}'
            or (b.ours_amount, b.theirs_amount) is distinct from (excluded.ours_amount, excluded.theirs_amount)
        returning opened_at)
      select count(*)::int as opened from recorded where opened_at = $4`,
  };
  const { opened } = await oneRow<{ opened: number }>(tx, statement, [
    it.counterpart,
    day.merchantId,
    day.day,
    it.at,
    it.seenAt,
    found.map(() => newId('brk')),
    found.map((one) => one.class),
    found.map((one) => one.reference),
    found.map((one) => one.paymentId),
    found.map((one) => one.oursAmount ?? null),
    found.map((one) => one.theirsAmount ?? null),
    found.map((one) => one.detail),
  ]);
  return opened;
}

/** Resolves what this comparison has not found again, and says why it is gone. */
async function resolveGone(
  tx: Db,
  it: { day: ComparedDay; compared: readonly Counterpart[]; at: string; seenAt: string },
): Promise<number> {
  const statement = {
    name: 'reconciliation_resolve_gone',
    text: `
      with gone as (
        update reconciliation_break b
           set resolved_at = $4, resolver = '${AUTOMATIC_RESOLVER}',
               resolution = coalesce(
                 (select 'it is ' || n.class || ' now' from reconciliation_break n
                   where n.counterpart = b.counterpart and n.merchant_id = b.merchant_id and n.day = b.day
                     and n.reference = b.reference and n.seen_at = $5 limit 1),
                 case when b.counterpart = 'DEVICE_JOURNAL' then
                   (select 'the payment is ' || p.reconciliation || ' now' from payment p where p.payment_id = b.payment_id)
                 when b.counterpart = 'ISSUER' and b.reference ~ '^(DISPUTE_)?REFUND ' then
                   coalesce((select 'the refund is ' || f.status || ' now, and its issuer says the same' from refund f
                      where f.merchant_id = b.merchant_id and 'REFUND ' || f.merchant_refund_id = b.reference),
                     'its issuer has given it back, too')
                 when b.counterpart = 'ISSUER' then
                   (select 'the payment is ' || p.status || ' now, and nothing is missing at its issuer'
                      from payment p where p.payment_id = b.payment_id) end,
                 'both sides agree now')
         where b.merchant_id = $1 and b.day = $2::date and b.counterpart = any ($3) and b.resolved_at is null
           and ${FOUND_BY_COMPARISON}
           and b.seen_at < $5::timestamptz
        returning 1)
      select count(*)::int as resolved from gone`,
  };
  const values = [it.day.merchantId, it.day.day, [...it.compared], it.at, it.seenAt];
  return (await oneRow<{ resolved: number }>(tx, statement, values)).resolved;
}
