import { log, proxyActivities, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { createReconciliationActivities } from '../../activities/reconciliation.ts';
import { nightlyDays } from '../../domain/reconciliation/policy.ts';
import { startSettlementAgain } from '../parking-settlement/start-again.ts';
import { startDisputedAgain } from '../payment/start-again.ts';
import { reconciliationTaskQueue } from '../task-queue.ts';
import { booksChanged, type ReconciliationInput, type ReconciliationResult } from './contract.ts';
import { reconciliationDetails } from './details.ts';

/**
 * Compares days of our books with the ledger, the merchants' files and the phones' journals. The nightly run also starts the workflow
 * of each disputed payment and each parking settlement that has lost its own.
 */
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
    if (seen !== changes) continue;
    if (input.days === undefined) {
      await startDisputes(input.merchantId);
      await startSettlements(input.merchantId);
    }
    return result;
  }
}

/** Short steps beside the comparison. */
function looking() {
  return proxyActivities<ReturnType<typeof createReconciliationActivities>>({
    taskQueue: reconciliationTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '5m',
    retry: { initialInterval: '1s', maximumInterval: '5m' },
  });
}

/** An operator who has terminated a payment's workflow is asked again, and its issuer told what was given back. */
async function startDisputes(merchantId: string | undefined): Promise<void> {
  const { findDisputes } = looking();
  for (let after = ''; ;) {
    const orders = await findDisputes({ after, ...(merchantId === undefined ? {} : { merchantId }) });
    const last = orders.at(-1);
    if (last === undefined) return;
    for (const order of orders) {
      if (await startDisputedAgain(order))
        log.warn('a disputed payment had no open workflow; it was started', { paymentId: order.paymentId });
    }
    after = last.paymentId;
  }
}

/** A driver whose settlement was terminated is released or has the money back after all. */
async function startSettlements(merchantId: string | undefined): Promise<void> {
  const { findSettlements } = looking();
  const request = {
    at: new Date(Date.now()).toISOString(),
    ...(merchantId === undefined ? {} : { merchantId }),
  };
  for (let after = ''; ;) {
    const orders = await findSettlements({ ...request, after });
    const last = orders.at(-1)?.input.settlementRef;
    if (last === undefined) return;
    for (const order of orders) {
      if (await startSettlementAgain(order))
        log.warn('a parking settlement had no open workflow; it was started', {
          ref: order.input.settlementRef,
        });
    }
    after = last;
  }
}
