import {
  advanceParking,
  settleParking,
  type ParkingStep,
  type RefusedSettlement,
  type SettlementInNeed,
  type StoredSettlement,
} from '../db/parking-settlement.ts';
import type { Pool } from '../db/pool.ts';
import { findStayEnd } from '../db/parking-stay.ts';
import { PAYMENT_POLICY } from '../domain/payment/payment.ts';
import { parkingWorkflowId, type ParkingSettlementInput } from '../workflows/parking-settlement/contract.ts';
import { timeOfTry } from './clock.ts';
import type { DecisionDeps } from './decision.ts';
import { ledgerCall } from './ledger-call.ts';
import { createWaker } from './wake.ts';

export type { RefusedSettlement, SettlementInNeed, StoredSettlement };

export interface ParkingSettlementActivityDeps extends DecisionDeps {
  readonly pool: Pool;
}

/** The ledger steps of a parking settlement. Each is one transaction that remembers its key, so asking again finds what it did. */
export function createParkingSettlementActivities({ pool, tellDecision }: ParkingSettlementActivityDeps) {
  const wake = createWaker(pool);

  async function advance(step: ParkingStep & { at: string }): Promise<StoredSettlement> {
    const outcome = await ledgerCall(pool, advanceParking, step);
    wake(outcome);
    return outcome;
  }

  return {
    /** Decides a settlement, or finds its decision. */
    async settleParking(
      input: ParkingSettlementInput & { requestedAt: string; askedAt: string },
    ): Promise<StoredSettlement | RefusedSettlement> {
      const { askedAt, ...request } = input;
      let outcome: StoredSettlement | RefusedSettlement | undefined;
      try {
        outcome = await ledgerCall(pool, settleParking, {
          ...request,
          decidedAt: timeOfTry(askedAt),
          policyVersion: PAYMENT_POLICY.version,
          similarWindowMs: PAYMENT_POLICY.similarWindowMs,
          cancelUntilMinutesOfNextDay: PAYMENT_POLICY.cancelUntilMinutesOfNextDay,
        });
      } finally {
        const isDecided =
          outcome !== undefined && (outcome.kind === 'refused' || outcome.view.state !== 'PAYING');
        const workflowId = parkingWorkflowId(input.userId, input.settlementId);
        tellDecision?.({ workflowId, attemptId: input.attemptId }, isDecided ? outcome : undefined);
      }
      if (outcome.kind === 'settled') wake(outcome);
      return outcome;
    },

    /** Takes a settlement one step on, or finds that it is further. */
    async advanceParking(step: ParkingStep & { askedAt: string }): Promise<StoredSettlement> {
      const { askedAt, ...rest } = step;
      return advance({ ...rest, at: timeOfTry(askedAt) });
    },

    /** Looks whether the driver has left, and in time; a stay that has not ended is overstayed once its time is over. */
    async lookAtExit(input: {
      ref: string;
      operatorId: string;
      sessionId: string;
      exitBy: string;
      askedAt: string;
    }): Promise<StoredSettlement> {
      const { ref, exitBy } = input;
      const at = timeOfTry(input.askedAt);
      const endedAt = await findStayEnd(pool, input.operatorId, input.sessionId);
      const isLate = Date.parse(endedAt ?? at) > Date.parse(exitBy);
      if (isLate) return advance({ ref, step: 'OVERSTAYED', exitedAt: endedAt, at });
      return advance(
        endedAt === undefined ? { ref, step: 'NOTE', at } : { ref, step: 'EXITED', exitedAt: endedAt, at },
      );
    },
  };
}
