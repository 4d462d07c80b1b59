import {
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  type Client,
  type WorkflowStartOptions,
} from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';
import type { Decisions } from './decisions.ts';
import type { ApiDeps } from './deps.ts';
import { unavailable } from './http/problem.ts';

/** What a workflow is started with whose answer a caller waits for. */
export interface StartOptions {
  readonly temporal: Client;
  readonly taskQueue: string;
  readonly tillDeadlineMs: number;
}

/** What a process has that holds a worker for what is decided while a caller waits (docs/adr/0007). */
export interface EagerStarts {
  /** A client on that worker's own connection; undefined while there is no such worker. */
  readonly client: () => Client | undefined;
  /** Where that worker's activities tell what they decide. */
  readonly decisions: Decisions;
}

export interface EagerStartOptions extends StartOptions {
  readonly eager?: EagerStarts | undefined;
}

/** Temporal's options of a start, without the ones that `howToStart` gives. */
type Start = Omit<WorkflowStartOptions, keyof ReturnType<typeof howToStart>> & {
  readonly workflowId: string;
};

/** A workflow whose decision a caller waits for, and the update that waits for it. */
export interface Decided<Outcome> {
  readonly type: string;
  readonly start: Start;
  readonly update: UpdateDefinition<Outcome>;
  /** The caller's id: a repeat of the update finds the first one's answer. */
  readonly updateId: string;
  /** The request that asks. */
  readonly attemptId: string;
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

/**
 * Starts a workflow, or finds the one of the same id, and waits for its decision.
 *
 * With a worker in this process it starts eagerly: the server gives the first workflow task back with the start, and the
 * decision is handed over here as soon as it is committed (docs/adr/0007). What that does not answer, the update does.
 */
export async function startDecided<Outcome>(
  it: Decided<Outcome>,
  options: EagerStartOptions,
): Promise<Started<Outcome>> {
  const untilMs = Date.now() + options.tillDeadlineMs;
  const start = { ...it.start, ...howToStart(options) };
  const early = await startEagerly(it, start, options, untilMs);
  if (early !== undefined) return early;
  const startWorkflowOperation = new WithStartWorkflowOperation(it.type, { args: [], ...start });
  return inTime(
    options,
    () =>
      options.temporal.workflow.executeUpdateWithStart(it.update, {
        updateId: it.updateId,
        startWorkflowOperation,
      }),
    untilMs,
  );
}

/** @returns undefined where the update has to be asked: another process decides it, or this one could not */
async function startEagerly<Outcome>(
  { type, attemptId }: Decided<Outcome>,
  start: Start & ReturnType<typeof howToStart>,
  { eager }: EagerStartOptions,
  untilMs: number,
): Promise<Started<Outcome> | undefined> {
  const client = eager?.client();
  if (eager === undefined || client === undefined) return undefined;
  try {
    const attempt = { workflowId: start.workflowId, attemptId };
    const told = await eager.decisions.await<Outcome>(attempt, untilMs, async () => {
      const handle = await client.withDeadline(untilMs, () =>
        client.workflow.start(type, { args: [], ...start, requestEagerStart: true }),
      );
      return handle.eagerlyStarted;
    });
    if (told?.kind === 'late') return { kind: 'unknown', cause: new Error('no decision in time') };
    return told?.kind === 'decided' ? told : undefined;
  } catch (error) {
    // It has closed: Postgres knows its decision, and an update that was never asked has no answer in Temporal.
    if (error instanceof WorkflowExecutionAlreadyStartedError) return { kind: 'unknown', cause: error };
    return undefined;
  }
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

/**
 * What was started with, of a request whose decision neither came in time nor is in Postgres.
 *
 * @throws Problem UNAVAILABLE where nobody knows of it: the same request can be sent again
 */
export async function pendingOrUnavailable<Pending>(
  { log }: Pick<ApiDeps, 'log'>,
  what: 'payment' | 'settlement',
  cause: unknown,
  look: () => Promise<Pending | undefined>,
): Promise<Pending> {
  const pending = await look().catch((error: unknown) => {
    log.warn({ err: error, cause }, `${what} start is unknown`);
    throw unavailable(
      'The payment system is not reachable. Send the same request again; it cannot be taken twice.',
    );
  });
  if (pending !== undefined) return pending;
  log.warn({ err: cause }, `${what} was not started`);
  throw unavailable(`The ${what} was not started. Send the same request again; it cannot be taken twice.`);
}
