import type { Client } from '@temporalio/client';
import { Context } from '@temporalio/activity';
import { listDebtsUnderOtherPolicy } from '../db/dunning-policy.ts';
import type { Pool } from '../db/pool.ts';
import {
  changePolicy,
  dunningWorkflowId,
  type DunningInput,
  type PolicyChangeInput,
} from '../workflows/dunning/contract.ts';
import { dunningTaskQueue } from '../workflows/task-queue.ts';

export interface PolicyActivityDeps {
  readonly pool: Pool;
  readonly client: Client;
  readonly taskQueue: string;
}

const BATCH = 100;
const AT_ONCE = 10;

/** Brings an issuer's new rules to its running campaigns. */
export function createPolicyActivities({ pool, client, taskQueue }: PolicyActivityDeps) {
  return {
    /** Tells the next campaigns after a debt's id, or starts those that do not run; answers the last id, undefined at the end. */
    async signalCampaigns({ issuerId, version, after }: PolicyChangeInput): Promise<string | undefined> {
      const debtIds = await listDebtsUnderOtherPolicy(pool, { issuerId, version, after, limit: BATCH });
      const queue = debtIds.values();
      const work = async (): Promise<void> => {
        for (const debtId of queue) {
          Context.current().heartbeat();
          await client.workflow.signalWithStart('dunning', {
            workflowId: dunningWorkflowId(issuerId, debtId),
            taskQueue: dunningTaskQueue(taskQueue),
            args: [{ issuerId, debtId } satisfies DunningInput],
            signal: changePolicy,
            signalArgs: [{ version, operator: 'issuer' }],
            workflowIdReusePolicy: 'ALLOW_DUPLICATE',
            staticSummary: `dunning ${debtId} of ${issuerId}`,
          });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      return debtIds.at(-1);
    },
  };
}
