import {
  debtChanged,
  dunningWorkflowId,
  NOT_CONTACTED,
  type DunningInput,
} from '../../workflows/dunning/contract.ts';
import { DUE_ON, DUNNING_STAGE, PARTNER_ID } from '../../workflows/search-attributes.ts';
import { dunningTaskQueue } from '../../workflows/task-queue.ts';
import type { ApiDeps } from '../deps.ts';
import { unavailable } from '../http/problem.ts';

const DEADLINE_MS = 5_000;

/**
 * Wakes a debt's campaign, which looks into Postgres, or starts it. A repeat of the request that did not get here does it again.
 *
 * @param dueOn of the debt, where it is at hand: one that is begun then has no need to write it down by itself
 * @throws Problem UNAVAILABLE when Temporal does not take it: what was asked for is kept, and is carried out once the campaign wakes
 */
export async function wakeCampaign(
  { temporal, taskQueue, log }: Pick<ApiDeps, 'temporal' | 'taskQueue' | 'log'>,
  { issuerId, debtId }: DunningInput,
  dueOn?: string,
): Promise<void> {
  try {
    await temporal.withDeadline(Date.now() + DEADLINE_MS, () =>
      temporal.workflow.signalWithStart('dunning', {
        workflowId: dunningWorkflowId(issuerId, debtId),
        taskQueue: dunningTaskQueue(taskQueue),
        args: [{ issuerId, debtId } satisfies DunningInput],
        signal: debtChanged,
        // One that has ended looks once more and ends again.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        staticSummary: `dunning ${debtId} of ${issuerId}`,
        typedSearchAttributes: [
          { key: PARTNER_ID, value: issuerId },
          { key: DUNNING_STAGE, value: NOT_CONTACTED },
          ...(dueOn === undefined ? [] : [{ key: DUE_ON, value: new Date(`${dueOn}T00:00:00Z`) }]),
        ],
      }),
    );
  } catch (error) {
    log.warn({ err: error }, 'a campaign was not woken');
    throw unavailable(
      'It is kept, but the campaign could not be woken. Send the same request again; it has no further effect.',
    );
  }
}
