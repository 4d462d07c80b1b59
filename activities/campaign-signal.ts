import type { Client } from '@temporalio/client';
import type { SignalDefinition } from '@temporalio/common';
import type { DebtKey } from '../db/debt.ts';
import { dunningWorkflowId, NOT_CONTACTED, type DunningInput } from '../workflows/dunning/contract.ts';
import { DUNNING_STAGE, PARTNER_ID } from '../workflows/search-attributes.ts';
import { dunningTaskQueue } from '../workflows/task-queue.ts';

const DEADLINE_MS = 5_000;

/** Tells a debt's campaign something, or begins it where it does not run. */
export type SignalCampaign = <Args extends unknown[]>(
  debt: DebtKey,
  signal: SignalDefinition<Args>,
  ...args: Args
) => Promise<void>;

/** @param taskQueue the main one */
export function createCampaignSignaller({
  client,
  taskQueue,
}: {
  client: Client;
  taskQueue: string;
}): SignalCampaign {
  return async ({ issuerId, debtId }, signal, ...signalArgs) => {
    await client.withDeadline(Date.now() + DEADLINE_MS, () =>
      client.workflow.signalWithStart<(input: DunningInput) => Promise<unknown>, unknown[]>('dunning', {
        workflowId: dunningWorkflowId(issuerId, debtId),
        taskQueue: dunningTaskQueue(taskQueue),
        args: [{ issuerId, debtId }],
        signal: signal.name,
        signalArgs,
        // One that has ended looks once more and ends again.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        staticSummary: `dunning ${debtId} of ${issuerId}`,
        typedSearchAttributes: [
          { key: PARTNER_ID, value: issuerId },
          { key: DUNNING_STAGE, value: NOT_CONTACTED },
        ],
      }),
    );
  };
}
