import { defineSignal, defineUpdate } from '@temporalio/workflow';
import { describeMoney } from '../../domain/money.ts';
import type { ReleaseOutcome, SettlementOrder, SettlementView } from '../../domain/parking/settlement.ts';

/** A phone's request as the edge has checked it. */
export type ParkingSettlementInput = SettlementOrder;

/** The decision, as the phone's answer needs it. What is refused is not kept: nothing was charged. */
export type ParkingOutcome =
  | {
      readonly kind: 'refused';
      readonly code: 'NOT_FOUND' | 'QUOTE_EXPIRED' | 'CONFLICT_STATE';
      readonly detail: string;
      readonly requestHash: string;
      readonly attemptId: string;
    }
  | {
      readonly kind: 'settled';
      readonly view: SettlementView;
      readonly requestHash: string;
      readonly attemptId: string;
    };

/** Waits for the decision of the settlement that the same call starts. */
export const submitParking = defineUpdate<ParkingOutcome>('submitParking');

export type ParkingCancelOutcome =
  { readonly kind: 'done' } | { readonly kind: 'refused'; readonly detail: string };

/** The driver paid for the wrong space. Waits until it is known whether the operator can still take it back. */
export const cancelParking = defineUpdate<ParkingCancelOutcome>('cancelParking');

/** The operator's server has spoken on its own. Postgres has it already; this wakes. */
export interface OperatorAnswered {
  readonly eventId: string;
  readonly outcome: ReleaseOutcome;
}
export const operatorAnswered = defineSignal<[OperatorAnswered]>('operatorAnswered');

/** The stay has ended, says the operator's server. Postgres has it already; this wakes. */
export const stayEnded = defineSignal('stayEnded');

/** A person's word on what became of a driver who has paid. It counts only while the workflow waits for it. */
export interface ReleaseWord {
  readonly operator: string;
  readonly outcome: ReleaseOutcome;
  /** Minor units; has to be the settlement's, so that a word for another car is not obeyed. */
  readonly amount: number;
  readonly reason?: string;
}
export const confirmRelease = defineSignal<[ReleaseWord]>('confirmRelease');

/** What operators read of a settlement's workflow in lists. */
export function summaryOf(it: {
  readonly operatorId: string;
  readonly placeId: string;
  readonly amount: number;
  readonly currency: string;
}): string {
  return `${describeMoney(it)} at ${it.operatorId}/${it.placeId}`;
}

/** One workflow per user and settlement id. */
export function parkingWorkflowId(userId: string, settlementId: string): string {
  return `parking:${userId}:${settlementId}`;
}
