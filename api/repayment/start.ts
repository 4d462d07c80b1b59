import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import type { RepaymentView } from '../../domain/repayment/repayment.ts';
import { askIssuerNow } from '../../workflows/issuer/contract.ts';
import {
  repaymentWorkflowId,
  submitRepayment,
  type RepaymentInput,
  type RepaymentOutcome,
} from '../../workflows/repayment/contract.ts';
import { AWAITING_OPERATOR, PARTNER_ID } from '../../workflows/search-attributes.ts';
import { findRunning, howToStart, inTime, type Started, type StartOptions } from '../workflow-start.ts';

/** What Kessai knows of the debt when a repayment of it is asked for. */
export interface RepaidDebt {
  readonly currency: string;
  /** Minor units, the amount of a repayment that names none. */
  readonly payable: number;
}

/** Starts a repayment, or finds the one of the same id, and waits for its end. */
export async function startRepayment(
  input: RepaymentInput,
  debt: RepaidDebt,
  options: StartOptions,
): Promise<Started<RepaymentOutcome>> {
  const { issuerId, debtId, repaymentId } = input;
  const startWorkflowOperation = new WithStartWorkflowOperation('repayment', {
    workflowId: repaymentWorkflowId(issuerId, debtId, repaymentId),
    ...howToStart(options),
    args: [input],
    staticSummary: `repayment of ${debtId} to ${issuerId}`,
    memo: { repayment: inProgressView(input, debt, new Date()), requestHash: input.requestHash },
    typedSearchAttributes: [
      { key: PARTNER_ID, value: issuerId },
      { key: AWAITING_OPERATOR, value: false },
    ],
  });
  return inTime(options, () =>
    options.temporal.workflow.executeUpdateWithStart(submitRepayment, {
      updateId: repaymentId,
      startWorkflowOperation,
    }),
  );
}

/** A repayment that runs and that Postgres may not know yet, as its workflow's memo tells it. */
export interface PendingRepayment {
  readonly view: RepaymentView;
  readonly requestHash: string;
}

type Key = Pick<RepaymentInput, 'issuerId' | 'debtId' | 'repaymentId'>;

/** Looks at the workflow of a repayment that Postgres does not know yet. */
export async function findPendingRepayment(
  temporal: Client,
  { issuerId, debtId, repaymentId }: Key,
): Promise<PendingRepayment | undefined> {
  const memo = await findRunning<{ repayment: RepaymentView; requestHash: string }>(
    temporal,
    repaymentWorkflowId(issuerId, debtId, repaymentId),
  );
  return memo && { view: memo.repayment, requestHash: memo.requestHash };
}

/** Its issuer has told of it: the workflow need not wait for its schedule. If this is lost, it hears of it later. */
export async function hurryRepayment(
  temporal: Client,
  { issuerId, debtId, repaymentId }: Key,
): Promise<void> {
  const handle = temporal.workflow.getHandle(repaymentWorkflowId(issuerId, debtId, repaymentId));
  await temporal.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () => handle.signal(askIssuerNow));
}

const SIGNAL_DEADLINE_MS = 2_000;

function inProgressView(
  { repaymentId, debtId, amount }: RepaymentInput,
  debt: RepaidDebt,
  now: Date,
): RepaymentView {
  return {
    repaymentId,
    debtId,
    status: 'IN_PROGRESS',
    amount: amount ?? debt.payable,
    currency: debt.currency,
    requestedAt: now.toISOString(),
  };
}
