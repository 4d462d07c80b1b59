import { Context } from '@temporalio/activity';
import { settlementsInNeed, type SettlementInNeed } from '../db/parking-settlement.ts';
import { disputesInNeed } from '../db/payment.ts';
import type { Pool } from '../db/pool.ts';
import { countOpenBreaks } from '../db/reconciliation-break.ts';
import { daysToCompare, daysWithOrphans, merchantsAfter } from '../db/reconciliation-days.ts';
import { reconcileRepayments } from '../db/reconciliation-repayments.ts';
import { entryRange, reconcileDay, type EntryRange } from '../db/reconciliation.ts';
import { RECONCILIATION_POLICY } from '../domain/reconciliation/policy.ts';
import type { PaymentOrder } from '../domain/payment/payment.ts';
import type { ReconciliationResult } from '../workflows/reconciliation/contract.ts';
import { timeOfTry } from './clock.ts';

export interface ReconciliationActivityDeps {
  readonly pool: Pool;
}

export interface CompareBooksRequest {
  readonly from: string;
  readonly to: string;
  readonly merchantId?: string;
  /** Leaves out days that were compared before and of which nothing has been heard since. */
  readonly onlyNews: boolean;
  readonly askedAt: string;
}

/** How far a run is: what a next try begins with. */
interface Progress {
  readonly afterMerchant: string;
  readonly merchants: number;
  readonly days: number;
  readonly opened: number;
  readonly resolved: number;
}

const MERCHANTS_A_PAGE = 100;
const DISPUTES_A_PAGE = 100;
const SETTLEMENTS_A_PAGE = 100;

/** The daily reconciliation. */
export function createReconciliationActivities({ pool }: ReconciliationActivityDeps) {
  return {
    /** Compares the days of merchants, one after the other, each in a transaction of its own; the nightly run of all also looks for lost repayments. */
    async compareBooks(request: CompareBooksRequest): Promise<ReconciliationResult> {
      const context = Context.current();
      const at = timeOfTry(request.askedAt);
      const overBefore = new Date(Date.parse(at) - RECONCILIATION_POLICY.graceMs).toISOString();
      const rangeOf = rememberRanges();
      const before = context.info.heartbeatDetails as Progress | undefined;
      let progress = before ?? { afterMerchant: '', merchants: 0, days: 0, opened: 0, resolved: 0 };
      const beat = (): void => {
        context.cancellationSignal.throwIfAborted();
        context.heartbeat(progress);
      };

      const { merchantId: only } = request;
      const orphans = request.onlyNews ? await daysWithOrphans(pool, { merchantId: only, at }) : undefined;
      for await (const merchantId of merchantsFrom(progress.afterMerchant, request.merchantId)) {
        beat();
        const due = await daysToCompare(pool, {
          ...request,
          merchantId,
          overBefore,
          also: orphans?.get(merchantId),
        });
        let { opened, resolved } = progress;
        for (const day of due) {
          const result = await reconcileDay(pool, day, at, rangeOf, beat);
          opened += result.opened;
          resolved += result.resolved;
        }
        progress = {
          afterMerchant: merchantId,
          merchants: progress.merchants + 1,
          days: progress.days + due.length,
          opened,
          resolved,
        };
      }
      const { from, to, merchantId } = request;
      if (request.onlyNews && merchantId === undefined) {
        const { opened, resolved } = await reconcileRepayments(pool, at);
        progress = {
          ...progress,
          opened: progress.opened + opened,
          resolved: progress.resolved + resolved,
        };
      }
      const { afterMerchant: _, ...counts } = progress;
      return { from, to, ...counts, open: await countOpenBreaks(pool, { from, to, merchantId }) };
    },

    /** A page of disputed payments that need a workflow; empty after the last. */
    async findDisputes(request: { merchantId?: string; after: string }): Promise<PaymentOrder[]> {
      return disputesInNeed(pool, { ...request, limit: DISPUTES_A_PAGE });
    },

    /** A page of parking settlements that need a workflow; empty after the last. */
    async findSettlements(request: {
      merchantId?: string;
      after: string;
      at: string;
    }): Promise<SettlementInNeed[]> {
      return settlementsInNeed(pool, { ...request, limit: SETTLEMENTS_A_PAGE });
    },
  };

  async function* merchantsFrom(after: string, only: string | undefined): AsyncGenerator<string> {
    if (only !== undefined) {
      if (only !== after) yield only;
      return;
    }
    for (let last: string | undefined = after; last !== undefined;) {
      const page: string[] = await merchantsAfter(pool, last, MERCHANTS_A_PAGE);
      yield* page;
      last = page.at(-1);
    }
  }
}

/** Merchants of one time zone have the same days, whose entries are found once a run. */
function rememberRanges(): typeof entryRange {
  const known = new Map<string, EntryRange>();
  return async (tx, begins, ends) => {
    const key = `${begins} ${ends}`;
    const range = known.get(key) ?? (await entryRange(tx, begins, ends));
    known.set(key, range);
    return range;
  };
}
