import type { Client } from '@temporalio/client';
import type { ParkingQuote } from '../../db/parking-quote.ts';
import { listSettlementsOfStay } from '../../db/parking-settlement.ts';
import { describeMoney } from '../../domain/money.ts';
import { parkingMerchantId, type SettlementView } from '../../domain/parking/settlement.ts';
import {
  cancelParking,
  operatorAnswered,
  parkingWorkflowId,
  stayEnded,
  submitParking,
  type OperatorAnswered,
  type ParkingCancelOutcome,
  type ParkingOutcome,
  type ParkingSettlementInput,
} from '../../workflows/parking-settlement/contract.ts';
import { SUBMITTED } from '../../workflows/payment/contract.ts';
import { AWAITING_OPERATOR, MERCHANT_ID, PAYMENT_STATUS } from '../../workflows/search-attributes.ts';
import type { ApiDeps } from '../deps.ts';
import {
  findRunning,
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
        staticSummary: `${describeMoney(quote)} at ${quote.operatorId}/${quote.placeId}`,
        memo: { ...memo },
        typedSearchAttributes: [
          { key: PAYMENT_STATUS, value: SUBMITTED },
          { key: MERCHANT_ID, value: parkingMerchantId(quote.operatorId) },
          { key: AWAITING_OPERATOR, value: false },
        ],
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
  userId: string,
  settlementId: string,
  options: Omit<StartOptions, 'taskQueue'>,
): Promise<Started<ParkingCancelOutcome>> {
  return inTime(options, () =>
    options.temporal.workflow
      .getHandle(parkingWorkflowId(userId, settlementId))
      .executeUpdate(cancelParking, { updateId: 'cancel' }),
  );
}

/** Wakes a settlement whose operator has spoken. Postgres has it; one whose workflow is over needs no waking. */
export async function wakeSettlement(
  temporal: Client,
  { userId, settlementId }: { userId: string; settlementId: string },
  said: OperatorAnswered | 'STAY_ENDED',
): Promise<void> {
  const handle = temporal.workflow.getHandle(parkingWorkflowId(userId, settlementId));
  try {
    await temporal.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () =>
      said === 'STAY_ENDED' ? handle.signal(stayEnded) : handle.signal(operatorAnswered, said),
    );
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'WorkflowNotFoundError') throw error;
  }
}

/** Wakes the settlements of a stay that has ended. They look by themselves when their time is over: nobody waits for this. */
export async function wakeStay(
  { pool, temporal, log }: Pick<ApiDeps, 'pool' | 'temporal' | 'log'>,
  { operatorId, sessionId }: { operatorId: string; sessionId: string },
): Promise<void> {
  const settlements = await listSettlementsOfStay(pool, operatorId, sessionId);
  for (const it of settlements) {
    await wakeSettlement(temporal, it, 'STAY_ENDED').catch((error: unknown) => {
      log.warn({ err: error }, 'a settlement was not woken by the end of its stay');
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
