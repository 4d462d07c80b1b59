import {
  CancellationScope,
  log,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  TemporalFailure,
} from '@temporalio/workflow';
import type { createDunningActivities } from '../../activities/dunning.ts';
import type { createJournalActivities } from '../../activities/journal.ts';
import type { createParkingSettlementActivities } from '../../activities/parking-settlement.ts';
import type { createPaymentActivities } from '../../activities/payment.ts';
import type { createPushActivities } from '../../activities/push.ts';
import type { createRefundActivities } from '../../activities/refund.ts';
import type { createRepaymentActivities } from '../../activities/repayment.ts';

/** All short steps in Postgres; each workflow's task queue serves the ones that it takes. */
type LedgerActivities = ReturnType<typeof createPaymentActivities> &
  ReturnType<typeof createJournalActivities> &
  ReturnType<typeof createParkingSettlementActivities> &
  ReturnType<typeof createRefundActivities> &
  ReturnType<typeof createRepaymentActivities> &
  ReturnType<typeof createPushActivities> &
  ReturnType<typeof createDunningActivities>;

/**
 * While the till waits: inside the first workflow task, so that the answer costs no further one. One try: the SDK's core
 * lets the time-out of a failed try fire against a later one (sdk-rust issue 1454), and operators see no local retries.
 */
const atOnce = proxyLocalActivities<LedgerActivities>({
  startToCloseTimeout: '3s',
  retry: { maximumAttempts: 1 },
});

/** When that got no answer: the same step until it does, where operators see it pending in Web UI. */
const patiently = proxyActivities<LedgerActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '30s' },
});

/**
 * Takes one ledger step to its end. A time-out is never a "no": the transaction may have committed, so the same
 * question is asked again under the same key until the stored answer is found. Cancelling the workflow does not stop
 * it half-way either; a payment is taken back by a cancellation of its own.
 *
 * The way without faults makes as few promises as it can: the SDK records a stack for each, and a till waits for it.
 *
 * @param step calls one activity of the set it is given; `askedAt` is the time of asking, for rules about time
 */
export async function ledgerStep<T>(
  step: (activities: LedgerActivities, askedAt: string) => Promise<T>,
): Promise<T> {
  try {
    return await step(atOnce, workflowNow());
  } catch (error) {
    // A local activity's failure comes bare, not inside an ActivityFailure; a time-out or a cancellation as one.
    if (!(error instanceof TemporalFailure)) throw error;
    setCurrentDetails(
      '**Waiting for the ledger**, which did not answer at once: the pending activity asks until it does.',
    );
    log.warn('the ledger did not answer while the caller waited; asking until it does');
    return CancellationScope.nonCancellable(() => step(patiently, workflowNow()));
  }
}

/** The workflow's time as the ledger takes it. */
export function workflowNow(): string {
  return new Date(Date.now()).toISOString();
}
