import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { ParkingQuote } from '../../db/parking-quote.ts';
import { findSettlementInNeed, listSettlementsOfStay } from '../../db/parking-settlement.ts';
import { parkingMerchantId, type SettlementView } from '../../domain/parking/settlement.ts';
import {
  cancelParking,
  operatorAnswered,
  parkingWorkflowId,
  stayEnded,
  submitParking,
  summaryOf,
  type OperatorAnswered,
  type ParkingCancelOutcome,
  type ParkingOutcome,
  type ParkingSettlementInput,
} from '../../workflows/parking-settlement/contract.ts';
import { submittedAt } from '../../workflows/payment/contract.ts';
import type { ApiDeps } from '../deps.ts';
import {
  findRunning,
  howToStart,
  inTime,
  startDecided,
  type EagerStartOptions,
  type Started,
  type StartOptions,
} from '../workflow-start.ts';

const SIGNAL_DEADLINE_MS = 5_000;

/** A settlement as it is under way, before Postgres knows of it. */
interface Memo {
  readonly settlement: SettlementView;
  readonly requestHash: string;
}

/** Starts a settlement, or finds the one of the same id, and waits for its decision. The only place that starts one. */
export async function startParkingSettlement(
  input: ParkingSettlementInput,
  quote: ParkingQuote,
  options: EagerStartOptions,
): Promise<Started<ParkingOutcome>> {
  const memo: Memo = { settlement: payingView(input, quote, new Date()), requestHash: input.requestHash };
  return startDecided(
    {
      type: 'parkingSettlement',
      start: {
        workflowId: parkingWorkflowId(input.userId, input.settlementId),
        args: [input],
        staticSummary: summaryOf(quote),
        memo: { ...memo },
        typedSearchAttributes: submittedAt(parkingMerchantId(quote.operatorId)),
      },
      update: submitParking,
      updateId: `${input.settlementId}:${input.requestHash}`,
      attemptId: input.attemptId,
    },
    options,
  );
}

/** Looks at the workflow of a settlement that Postgres does not know yet. */
export async function findPendingSettlement(
  temporal: Client,
  userId: string,
  settlementId: string,
): Promise<Memo | undefined> {
  return findRunning<Memo & Record<string, unknown>>(temporal, parkingWorkflowId(userId, settlementId));
}

/** Asks for a settlement to be taken back, and waits for the end of that; a repeat waits for the same. */
export async function askToCancel(
  it: Whose,
  deps: Pick<ApiDeps, 'pool'> & StartOptions,
): Promise<Started<ParkingCancelOutcome>> {
  return inTime(deps, async () => {
    await startAgainIfLost(it, deps);
    return handleOf(deps.temporal, it).executeUpdate(cancelParking, { updateId: 'cancel' });
  });
}

/** A driver's settlement. */
interface Whose {
  readonly userId: string;
  readonly settlementId: string;
}

function handleOf(temporal: Client, { userId, settlementId }: Whose) {
  return temporal.workflow.getHandle(parkingWorkflowId(userId, settlementId));
}

/** Starts the workflow of a settlement that has lost its own, as by a termination; it goes on where the books are. One that runs goes on. */
export async function startAgainIfLost(
  it: Whose,
  { pool, temporal, taskQueue }: Pick<ApiDeps, 'pool' | 'temporal' | 'taskQueue'>,
): Promise<void> {
  const order = await findSettlementInNeed(pool, { ...it, at: new Date() });
  if (order === undefined) return;
  try {
    await temporal.workflow.start('parkingSettlement', {
      ...howToStart({ taskQueue }),
      workflowId: parkingWorkflowId(it.userId, it.settlementId),
      args: [order.input],
      staticSummary: summaryOf(order),
      typedSearchAttributes: submittedAt(parkingMerchantId(order.operatorId)),
    });
  } catch (error) {
    // It has just come to its end.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Wakes a settlement whose operator has spoken. Postgres has it; one that has nothing left to do needs no waking. */
export async function wakeSettlement(
  deps: Pick<ApiDeps, 'pool' | 'temporal' | 'taskQueue'>,
  it: Whose,
  said: OperatorAnswered | 'STAY_ENDED',
): Promise<void> {
  const { temporal } = deps;
  const handle = handleOf(temporal, it);
  const wake = () =>
    said === 'STAY_ENDED' ? handle.signal(stayEnded) : handle.signal(operatorAnswered, said);
  await temporal.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, async () => {
    try {
      await wake();
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await startAgainIfLost(it, deps);
      await wake().catch((again: unknown) => {
        if (!isNotFound(again)) throw again;
      });
    }
  });
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowNotFoundError';
}

/** Wakes the settlements of a stay that has ended. They look by themselves when their time is over: nobody waits for this. */
export async function wakeStay(
  deps: Pick<ApiDeps, 'pool' | 'temporal' | 'taskQueue' | 'log'>,
  { operatorId, sessionId }: { operatorId: string; sessionId: string },
): Promise<void> {
  const settlements = await listSettlementsOfStay(deps.pool, operatorId, sessionId);
  for (const it of settlements) {
    await wakeSettlement(deps, it, 'STAY_ENDED').catch((error: unknown) => {
      deps.log.warn({ err: error }, 'a settlement was not woken by the end of its stay');
    });
  }
}

function payingView(input: ParkingSettlementInput, quote: ParkingQuote, now: Date): SettlementView {
  return {
    settlementId: input.settlementId,
    reference: input.settlementRef,
    state: 'PAYING',
    operatorId: quote.operatorId,
    operatorName: quote.operatorName,
    placeId: quote.placeId,
    placeName: quote.placeName,
    ...(quote.space === undefined ? {} : { space: quote.space }),
    quoteId: quote.quoteId,
    sessionId: quote.sessionId,
    startedAt: quote.startedAt,
    ...(quote.saidByDriver ? { saidByDriver: true } : {}),
    amount: quote.amount,
    currency: quote.currency,
    fundingSource: input.fundingSource,
    releaseCode: input.releaseCode,
    requestedAt: now.toISOString(),
    exitBy: quote.exitBy,
    acknowledgements: { device: null, operator: null },
  };
}
