import {
  ActivityFailure,
  CancellationScope,
  isCancellation,
  log,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { createParkingOperatorActivities, ToldOperator } from '../../activities/parking-operator.ts';
import { workflowNow } from '../payment/ledger-step.ts';
import { parkingTaskQueue } from '../task-queue.ts';
import type { Book } from './book.ts';

/** One activity that Temporal retries: however long a server is silent, the history stays short. */
function operatorActivities(summary: string) {
  return proxyActivities<ReturnType<typeof createParkingOperatorActivities>>({
    taskQueue: parkingTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '15s',
    // The rule in domain/parking ends it before.
    scheduleToCloseTimeout: '4 days',
    retry: { initialInterval: '500ms', maximumInterval: '15s' },
    // A call that is on its way ends by itself; nobody waits for it.
    cancellationType: 'TRY_CANCEL',
    summary,
  });
}

/** The operator's server is being told, in the background. */
export interface Telling {
  readonly answer: () => ToldOperator | undefined;
  /** For three days there was no answer, and no further try comes. */
  readonly gaveUp: () => boolean;
  readonly stop: () => void;
}

export function startTelling(book: Book): Telling {
  let answer: ToldOperator | undefined;
  let isOver = false;
  const scope = new CancellationScope({ cancellable: true });
  void scope
    .run(() => operatorActivities('completion').tellOperator({ ref: book.ref, askedAt: workflowNow() }))
    .then((it) => {
      answer = it;
    })
    .catch((error: unknown) => {
      if (isCancellation(error)) return;
      if (!(error instanceof ActivityFailure)) throw error;
      log.warn("the operator's server gave no answer in all tries", { ref: book.ref });
      isOver = true;
      book.show();
    });
  return {
    answer: () => answer,
    gaveUp: () => isOver,
    stop() {
      scope.cancel();
    },
  };
}

/** Whether a completion could be taken back; SILENT after three days without an answer. */
export type Taken = 'CANCELED' | 'TOO_LATE' | 'SILENT';

/** The operator's server is being asked to take a completion back, in the background. */
export interface Canceling {
  readonly taken: () => Taken | undefined;
  readonly stop: () => void;
}

export function startCanceling(book: Book): Canceling {
  let taken: Taken | undefined;
  const scope = new CancellationScope({ cancellable: true });
  void scope
    .run(() => cancelAtServer(book))
    .then((it) => {
      taken = it;
    });
  return {
    taken: () => taken,
    stop() {
      scope.cancel();
    },
  };
}

/** Takes a completion back at the operator's server, until it has said whether it could. */
export async function cancelAtServer(book: Book): Promise<Taken> {
  try {
    return await operatorActivities('cancellation').cancelAtOperator({ ref: book.ref });
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    return 'SILENT';
  }
}
