import type { Client } from '@temporalio/client';

/** What a workflow is started with whose answer a caller waits for. */
export interface StartOptions {
  readonly temporal: Client;
  readonly taskQueue: string;
  readonly tillDeadlineMs: number;
}

/** What Temporal said in time; what it did not say is settled by asking Postgres. */
export type Started<Outcome> =
  | { readonly kind: 'decided'; readonly outcome: Outcome }
  /** No decision in time, or the workflow has closed and its answer is not kept any more. */
  | { readonly kind: 'unknown'; readonly cause: unknown };

/** A worker that dies in the middle of a decision is replaced after this time; the ledger step itself takes at most 3 s. */
const TASK_TIMEOUT = '5s';

const LOOK_DEADLINE_MS = 2_000;

/** A repeat joins what runs. What has closed answers for good, and only what was terminated or failed begins anew. */
export function howToStart({ taskQueue }: Pick<StartOptions, 'taskQueue'>) {
  return {
    taskQueue,
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    workflowTaskTimeout: TASK_TIMEOUT,
  } as const;
}

/** Waits for an answer for as long as a till does; no answer, or none any more, is a value. */
export async function inTime<Outcome>(
  { temporal, tillDeadlineMs }: Omit<StartOptions, 'taskQueue'>,
  ask: () => Promise<Outcome>,
  untilMs = Date.now() + tillDeadlineMs,
): Promise<Started<Outcome>> {
  try {
    return { kind: 'decided', outcome: await temporal.withDeadline(untilMs, ask) };
  } catch (error) {
    return { kind: 'unknown', cause: error };
  }
}

/**
 * What a workflow that runs was started with, as its memo tells: Postgres may not know of it yet.
 *
 * @returns undefined when there is none, or it has closed
 */
export async function findRunning<Memo>(temporal: Client, workflowId: string): Promise<Memo | undefined> {
  const handle = temporal.workflow.getHandle(workflowId);
  const description = await temporal
    .withDeadline(Date.now() + LOOK_DEADLINE_MS, () => handle.describe())
    .catch((error: unknown) => {
      if (error instanceof Error && error.name === 'WorkflowNotFoundError') return undefined;
      throw error;
    });
  return description?.status.name === 'RUNNING' ? (description.memo as Memo) : undefined;
}
