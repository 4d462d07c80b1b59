import { z } from 'zod';
import type { Pool } from '../../db/pool.ts';
import { readBreaks, type BreakFilter, type ReconciliationBreak } from '../../db/reconciliation-break.ts';
import { AUTOMATIC_RESOLVER } from '../../db/reconciliation-break.ts';
import { csvLine } from '../../domain/csv.ts';
import { BREAK_CLASSES, COUNTERPARTS } from '../../domain/reconciliation/compare.ts';
import { ageDays } from '../../domain/reconciliation/policy.ts';
import { timestamp } from '../http/schemas.ts';

export const reconciliationBreak = z
  .object({
    breakId: z.string(),
    class: z.enum(BREAK_CLASSES),
    counterpart: z.enum(COUNTERPARTS),
    merchantId: z.string().nullable().meta({ description: 'Null where it is about an issuer alone.' }),
    issuerId: z.string().nullable(),
    date: z.string().meta({ example: '2026-11-22' }),
    reference: z.string().meta({ example: 'PAYMENT order-2026-0001' }),
    paymentId: z.string().nullable(),
    oursAmount: z.int().nullable(),
    theirsAmount: z.int().nullable(),
    currency: z.string().nullable(),
    detail: z.string(),
    openedAt: timestamp,
    ageDays: z
      .int()
      .meta({ description: 'Whole days from its opening until now, or until it was resolved.' }),
    resolvedAt: timestamp.nullable(),
    resolver: z.string().nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: 'ReconciliationBreak' });

type BreakView = z.input<typeof reconciliationBreak>;

/** Who looks: merchants see no person's name or words, and nothing of what Kessai and an issuer call each other's operations. */
export type BreakReader = 'admin' | 'merchant';

/** A break as it is answered. */
export function breakView(found: ReconciliationBreak, now: Date, reader: BreakReader): BreakView {
  const it = reader === 'merchant' ? forMerchant(found) : found;
  const { day, resolution, openedAt, resolvedAt, before, merchantPaymentId: _, ...rest } = it;
  return {
    ...rest,
    detail: before === null ? it.detail : `${it.detail} (before: ${before})`,
    date: day,
    openedAt: openedAt.toISOString(),
    ageDays: ageDays(openedAt.getTime(), (resolvedAt ?? now).getTime()),
    resolvedAt: resolvedAt?.toISOString() ?? null,
    reason: resolution,
  };
}

function forMerchant(it: ReconciliationBreak): ReconciliationBreak {
  const isByPerson = it.resolver !== null && it.resolver !== AUTOMATIC_RESOLVER;
  return {
    ...it,
    before: null,
    ...(isByPerson ? { resolver: 'kessai', resolution: null } : {}),
    ...(it.counterpart === 'ISSUER'
      ? {
          reference: `PAYMENT ${it.merchantPaymentId ?? ''}`,
          detail: 'Kessai and the pay-later partner do not agree on it yet; Kessai finds out.',
        }
      : {}),
  };
}

export const BREAK_COLUMNS = Object.keys(reconciliationBreak.shape) as (keyof BreakView)[];

/** All breaks of a filter as CSV. */
export async function* breaksAsCsv(
  pool: Pool,
  filter: BreakFilter,
  now: Date,
  reader: BreakReader,
): AsyncGenerator<string> {
  let lines = csvLine(BREAK_COLUMNS);
  for await (const batch of readBreaks(pool, filter)) {
    for (const it of batch) {
      const view = breakView(it, now, reader);
      lines += csvLine(BREAK_COLUMNS.map((name) => view[name]));
    }
    yield lines;
    lines = '';
  }
  if (lines !== '') yield lines;
}
