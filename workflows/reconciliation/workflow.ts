import { proxyActivities, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { createReconciliationActivities } from '../../activities/reconciliation.ts';
import { nightlyDays } from '../../domain/reconciliation/policy.ts';
import { reconciliationTaskQueue } from '../task-queue.ts';
import { booksChanged, type ReconciliationInput, type ReconciliationResult } from './contract.ts';
import { reconciliationDetails } from './details.ts';

/** Compares days of our books with the ledger, the merchants' files and the phones' journals. */
export async function reconciliation(input: ReconciliationInput = {}): Promise<ReconciliationResult> {
  let changes = 0;
  setHandler(
    booksChanged,
    () => {
      changes += 1;
    },
    { description: 'A file came: compare once more before you end. No input.' },
  );
  // A run of all merchants may take hours; it says at every page that it lives, and goes on where it was.
  const { compareBooks } = proxyActivities<ReturnType<typeof createReconciliationActivities>>({
    taskQueue: reconciliationTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '10h',
    scheduleToCloseTimeout: '20h',
    heartbeatTimeout: '15m',
    retry: { initialInterval: '1s', maximumInterval: '5m' },
  });
  const days = input.days ?? nightlyDays(workflowInfo().startTime.getTime());
  for (;;) {
    const seen = changes;
    setCurrentDetails(`Comparing ${days.from} to ${days.to}.`);
    const result = await compareBooks({
      ...days,
      ...(input.merchantId === undefined ? {} : { merchantId: input.merchantId }),
      onlyNews: input.days === undefined,
      askedAt: new Date(Date.now()).toISOString(),
    });
    setCurrentDetails(reconciliationDetails(result));
    if (seen === changes) return result;
  }
}
