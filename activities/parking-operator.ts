import { ApplicationFailure, Context } from '@temporalio/activity';
import { advanceParking, findTelling } from '../db/parking-settlement.ts';
import type { Pool } from '../db/pool.ts';
import type { Sealer } from '../db/sealed.ts';
import type { OperatorReply } from '../domain/parking/operator-call.ts';
import { RELEASE_OUTCOMES, type ReleaseOutcome } from '../domain/parking/settlement.ts';
import { TELL_RETRY, tellAgainMs } from '../domain/parking/tell-retry.ts';
import { timeOfTry } from './clock.ts';
import { createOperatorCaller } from './operator-call.ts';

export interface ParkingOperatorActivityDeps {
  readonly pool: Pool;
  readonly sealer: Sealer;
  /** How long one call to an operator's server may take; {@link OPERATOR_TIMEOUT_MS} if unset. */
  readonly operatorTimeoutMs?: number;
}

export const OPERATOR_TIMEOUT_MS = 5_000;

/** What an operator's server has said of a settlement; `eventId` where it did so on its own. */
export interface ToldOperator {
  readonly outcome: ReleaseOutcome;
  readonly eventId?: string | undefined;
}

/**
 * Calls to parking operators' servers, signed after the Standard Webhooks specification (docs/parking-settlement.md). Temporal
 * retries them; the rule in domain/parking says when, and when no more.
 */
export function createParkingOperatorActivities(deps: ParkingOperatorActivityDeps) {
  const { pool } = deps;
  const call = createOperatorCaller(deps);
  const timeoutMs = deps.operatorTimeoutMs ?? OPERATOR_TIMEOUT_MS;

  return {
    /**
     * Tells of a settlement that is paid, as it is now, until the server has said what became of the driver. What it says
     * on its own meanwhile counts as well.
     * @throws ApplicationFailure `OperatorSilent` with the delay until the next try, or final when there is none
     */
    async tellOperator({ ref, askedAt }: { ref: string; askedAt: string }): Promise<ToldOperator> {
      await advanceParking(pool, { ref, step: 'REQUESTED', at: timeOfTry(askedAt) });
      const { operatorId, completion, confirmation } = await findTelling(pool, ref);
      if (confirmation !== null) return confirmation;
      const reply = await call({
        operatorId,
        key: `${ref}:completion`,
        operation: 'COMPLETION',
        path: '/v1/completions',
        body: completion,
        timeoutMs,
        read: (body) => (body.settlementId === ref ? readOutcome(body.outcome, RELEASE_OUTCOMES) : undefined),
      });
      if (reply.kind === 'ANSWERED') return { outcome: reply.answer };
      throw silent(reply);
    },

    /**
     * Takes a completion back, whether the server has heard of it or not, until it has said whether it could.
     * @throws ApplicationFailure `OperatorSilent` as above
     */
    async cancelAtOperator({ ref }: { ref: string }): Promise<'CANCELED' | 'TOO_LATE'> {
      const { operatorId } = await findTelling(pool, ref);
      const reply = await call({
        operatorId,
        key: `${ref}:cancellation`,
        operation: 'CANCELLATION',
        path: '/v1/cancellations',
        body: { settlementId: ref },
        timeoutMs,
        read: (body) =>
          body.settlementId === ref
            ? readOutcome(body.outcome, ['CANCELED', 'TOO_LATE'] as const)
            : undefined,
      });
      if (reply.kind === 'ANSWERED') return reply.answer;
      throw silent(reply);
    },
  };
}

function readOutcome<Outcome extends string>(said: unknown, known: readonly Outcome[]): Outcome | undefined {
  return known.find((it) => it === said);
}

function silent(reply: Exclude<OperatorReply<unknown>, { kind: 'ANSWERED' }>): ApplicationFailure {
  const { attempt, scheduledTimestampMs, currentAttemptScheduledTimestampMs } = Context.current().info;
  const delayMs = tellAgainMs(TELL_RETRY, {
    triesDone: attempt,
    sinceFirstMs: currentAttemptScheduledTimestampMs - scheduledTimestampMs,
  });
  return ApplicationFailure.create({
    type: 'OperatorSilent',
    message: reply.why,
    ...(delayMs === undefined ? { nonRetryable: true } : { nextRetryDelay: delayMs }),
  });
}
