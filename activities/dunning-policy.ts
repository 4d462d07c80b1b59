import { Context } from '@temporalio/activity';
import { listDebtsUnderOtherPolicy } from '../db/dunning-policy.ts';
import type { Pool } from '../db/pool.ts';
import { changePolicy, type PolicyChangeInput } from '../workflows/dunning/contract.ts';
import type { SignalCampaign } from './campaign-signal.ts';

export interface PolicyActivityDeps {
  readonly pool: Pool;
  readonly signalCampaign: SignalCampaign;
}

const BATCH = 100;
const AT_ONCE = 10;

/** Brings an issuer's new rules to its running campaigns. */
export function createPolicyActivities({ pool, signalCampaign }: PolicyActivityDeps) {
  return {
    /** Tells the next campaigns after a debt's id, or starts those that do not run; answers the last id, undefined at the end. */
    async signalCampaigns({ issuerId, version, after }: PolicyChangeInput): Promise<string | undefined> {
      const debtIds = await listDebtsUnderOtherPolicy(pool, { issuerId, version, after, limit: BATCH });
      const queue = debtIds.values();
      const work = async (): Promise<void> => {
        for (const debtId of queue) {
          Context.current().heartbeat();
          await signalCampaign({ issuerId, debtId }, changePolicy, { version, operator: 'issuer' });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      return debtIds.at(-1);
    },
  };
}
