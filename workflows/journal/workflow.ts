import {
  allHandlersFinished,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  log,
  setCurrentDetails,
  setHandler,
  TemporalFailure,
} from '@temporalio/workflow';
import type { JournalResult } from '../../domain/journal/journal.ts';
import { journalArrived, paymentWorkflowId } from '../payment/contract.ts';
import { ledgerStep } from '../payment/ledger-step.ts';
import { startDisputedAgain } from '../payment/start-again.ts';
import { submitJournal, type JournalInput } from './contract.ts';

/**
 * Records a phone's journal while the phone waits, then wakes the payments it speaks of. A payment whose workflow is over
 * needs no waking, as Postgres has it, unless it is disputed: then its workflow starts again and waits for an operator.
 */
export function journal(input: JournalInput): Promise<{ told: number }> {
  // Recorded, it has to wake those it speaks of, whoever cancels the workflow.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run(input: JournalInput): Promise<{ told: number }> {
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
  if (it.isStanding === true) {
    if (it.order !== undefined) await startDisputedAgain(it.order);
    return;
  }
  try {
    await getExternalWorkflowHandle(paymentWorkflowId(it.merchantId, it.merchantPaymentId)).signal(
      journalArrived,
      {
        reconciliation: it.reconciliation,
        ...(it.entryCameAt === undefined ? {} : { entryCameAt: it.entryCameAt }),
      },
    );
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    log.info('a payment of this journal has no open workflow', { payment: it.merchantPaymentId });
    if (it.reconciliation === 'DISPUTED' && it.order !== undefined) await startDisputedAgain(it.order);
  }
}
