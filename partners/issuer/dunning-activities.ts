import type { Pool } from '../shared/database.ts';
import type { Kessai } from './kessai.ts';
import {
  keepResults,
  keepTold,
  pickUnpaid,
  TRY_AGAIN,
  unregistered,
  untoldRepayments,
} from './registrations.ts';

const MAX_BATCH = 1_000;
const REPAYMENTS_AT_ONCE = 100;

export interface DunningDeps {
  readonly pool: Pool;
  readonly kessai: Kessai;
  readonly timeZone: string;
}

/** What the issuer's side does of dunning. Each can be done again at any point: Kessai knows debts by revision and repayments by id. */
export function createIssuerDunningActivities({ pool, kessai, timeZone }: DunningDeps) {
  return {
    /** @returns how many were picked now */
    pickUnpaid: (at: string): Promise<number> => pickUnpaid(pool, { at, timeZone }),

    /**
     * Sends the next batch after a statement's id.
     * @throws to be tried again, when Kessai could not take all of it
     */
    async registerNext(after: string): Promise<{ last?: string; sent: number; refused: number }> {
      const items = await unregistered(pool, after, MAX_BATCH);
      const last = items.at(-1)?.debtId;
      if (last === undefined) return { sent: 0, refused: 0 };
      const results = await kessai.registerBatch(items);
      await keepResults(pool, items, results);
      if (results.some((it) => it.code === TRY_AGAIN))
        throw new Error('Kessai could not take all of a batch');
      return { last, sent: items.length, refused: results.filter((it) => it.status === 'REFUSED').length };
    },

    /** Tells the next repayments; none are left when it answers 0. */
    async tellRepayments(): Promise<number> {
      const untold = await untoldRepayments(pool, REPAYMENTS_AT_ONCE);
      for (const it of untold) await keepTold(pool, it, await kessai.tellRepayment(it));
      return untold.length;
    },
  };
}
