import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  allHandlersFinished,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  startChild,
  TemporalFailure,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import type { JournalResult } from '../../domain/journal/journal.ts';
import { journalArrived, paymentWorkflowId, SUBMITTED } from '../payment/contract.ts';
import { describeMoney } from '../../domain/money.ts';
import type { PaymentOrder } from '../../domain/payment/payment.ts';
import { ledgerStep } from '../payment/ledger-step.ts';
import type { payment } from '../payment/workflow.ts';
import { AWAITING_OPERATOR, MERCHANT_ID, PAYMENT_STATUS } from '../search-attributes.ts';
import { submitJournal, type JournalInput } from './contract.ts';

/**
 * Records a phone's journal while the phone waits, then wakes the payments it speaks of. A payment whose workflow is over
 * needs no waking, as Postgres has it, unless it is disputed: then its workflow starts again and waits for an operator.
 */
export async function journal(input: JournalInput): Promise<{ told: number }> {
  const recording = ledgerStep((activities, askedAt) => activities.recordJournal({ ...input, askedAt }));
  setHandler(submitJournal, async () => (await recording).results, {
    description: 'Waits until the journal is recorded. The API sends it together with the start.',
  });
  const { results, told } = await recording;
  setCurrentDetails(`${results.length} entries, ${told.length} payments told: ${summary(told)}`);
  await Promise.all(told.map(wake));
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  return { told: told.length };
}

function summary(told: JournalResult['told']): string {
  return told.map((it) => `${it.merchantId}/${it.merchantPaymentId} ${it.reconciliation}`).join(', ');
}

async function wake(it: JournalResult['told'][number]): Promise<void> {
  if (it.reconciliation !== 'MATCHED' && it.reconciliation !== 'DISPUTED') return;
  try {
    await getExternalWorkflowHandle(paymentWorkflowId(it.merchantId, it.merchantPaymentId)).signal(
      journalArrived,
      {
        reconciliation: it.reconciliation,
        ...(it.entryCameAt === undefined ? {} : { entryCameAt: it.entryCameAt }),
      },
    );
  } catch (error) {
    if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
    log.info('a payment of this journal has no open workflow', { payment: it.merchantPaymentId });
    if (it.reconciliation === 'DISPUTED' && it.order !== undefined) await startAgain(it.order);
  }
}

/** A dispute after the deadline, or after a termination: the payment's workflow is needed once more, to wait for an operator. */
async function startAgain(order: PaymentOrder): Promise<void> {
  try {
    await startChild<typeof payment>('payment', {
      workflowId: paymentWorkflowId(order.merchantId, order.merchantPaymentId),
      args: [order],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: `${describeMoney(order)} at ${order.merchantId}/${order.storeId}, disputed late`,
      typedSearchAttributes: [
        { key: PAYMENT_STATUS, value: SUBMITTED },
        { key: MERCHANT_ID, value: order.merchantId },
        { key: AWAITING_OPERATOR, value: false },
      ],
    });
  } catch (error) {
    // Another journal was faster.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
