import { defineSignal, defineUpdate } from '@temporalio/workflow';
import type { RepaymentOrder, RepaymentView } from '../../domain/repayment/repayment.ts';
import type { OperatorWord } from '../operator-word.ts';

/** A user's request as the edge has checked it. */
export type RepaymentInput = RepaymentOrder;

/** The end, as the device's answer needs it. */
export interface RepaymentOutcome {
  readonly view: RepaymentView;
  readonly requestHash: string;
  readonly attemptId: string;
}

/** Waits for the end of the repayment that the same call starts. */
export const submitRepayment = defineUpdate<RepaymentOutcome>('submitRepayment');

/** An operator says what became of a repayment at the issuer. It counts only once the workflow waits for it. */
export const resolveRepayment = defineSignal<[OperatorWord<'COMPLETED' | 'FAILED'>]>('resolveRepayment');

/** One workflow per debt of an issuer and repayment id: ids of debts are each issuer's own. */
export function repaymentWorkflowId(issuerId: string, debtId: string, repaymentId: string): string {
  return `repayment:${issuerId}:${debtId}:${repaymentId}`;
}
