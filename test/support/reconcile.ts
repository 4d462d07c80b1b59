import { createHash } from 'node:crypto';
import { countOpenBreaks } from '../../db/reconciliation-break.ts';
import { daysToCompare } from '../../db/reconciliation-days.ts';
import { entryRange, reconcileDay, type DayResult } from '../../db/reconciliation.ts';
import { putMerchantFile, type MerchantFileRow } from '../../db/merchant-file.ts';
import type { Pool } from '../../db/pool.ts';
import { assertDefined } from '../../domain/assert.ts';
import type { reconciliation } from '../../workflows/reconciliation/workflow.ts';
import type { ReconciliationResult } from '../../workflows/reconciliation/contract.ts';
import { uniqueId } from './givens.ts';
import type { Stack } from './stack.ts';

export type FileLine = readonly [type: MerchantFileRow['type'], merchantPaymentId: string, amount: number];

/** Stores a merchant's file of a day without the API. */
export async function giveFile(
  pool: Pool,
  merchantId: string,
  day: string,
  lines: readonly FileLine[],
): Promise<void> {
  const rows = lines.map(([type, merchantPaymentId, amount], i) => ({
    lineNo: i + 2,
    type,
    merchantPaymentId,
    amount,
  }));
  const sha256 = createHash('sha256').update(JSON.stringify(rows)).digest('hex');
  await putMerchantFile(pool, { merchantId, day, sha256, receivedAt: new Date() }, batches(rows));
}

// eslint-disable-next-line @typescript-eslint/require-await -- what it stands for waits
async function* batches(rows: readonly MerchantFileRow[]): AsyncGenerator<readonly MerchantFileRow[]> {
  for (let i = 0; i < rows.length; i += 500) yield rows.slice(i, i + 500);
}

/** Compares one day of a merchant, now. */
export async function compareDay(
  pool: Pool,
  merchantId: string,
  day: string,
  onPage: () => void = () => undefined,
): Promise<DayResult> {
  const at = new Date().toISOString();
  const days = await daysToCompare(pool, { merchantId, from: day, to: day, overBefore: at, onlyNews: false });
  return reconcileDay(pool, assertDefined(days[0]), at, entryRange, onPage);
}

/** The nightly run, or that of one merchant alone. */
export async function runNightly(stack: Stack, merchantId?: string): Promise<ReconciliationResult> {
  return stack.temporal.workflow.execute<typeof reconciliation>('reconciliation', {
    workflowId: `reconciliation:${uniqueId('test')}`,
    taskQueue: stack.taskQueue,
    args: [merchantId === undefined ? {} : { merchantId }],
  });
}

export interface SeenBreak {
  readonly class: string;
  readonly counterpart: string;
  readonly day: string;
  readonly reference: string;
  readonly ours: number | null;
  readonly theirs: number | null;
  readonly detail: string;
  readonly before: string | null;
  readonly resolver: string | null;
  readonly resolution: string | null;
}

/** Every break of a merchant, also resolved ones. */
export async function breaksOf(pool: Pool, merchantId: string): Promise<SeenBreak[]> {
  const found = await pool.query<SeenBreak & Record<string, unknown>>(
    `select class, counterpart, day::text as day, reference, ours_amount as ours, theirs_amount as theirs, detail, before,
            resolver, resolution
       from reconciliation_break where merchant_id = $1 order by counterpart, day, reference, class`,
    [merchantId],
  );
  return found.rows;
}

/** `class reference` of each open break. */
export async function openBreaks(pool: Pool, merchantId: string): Promise<string[]> {
  const all = await breaksOf(pool, merchantId);
  return all
    .filter((it) => it.resolver === null)
    .map((it) => `${it.counterpart} ${it.class} ${it.reference}`);
}

export { countOpenBreaks };
