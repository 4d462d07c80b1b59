import { allHandlersFinished, condition, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { CancelResult } from '../../activities/payment.ts';
import { describeMoney } from '../../domain/money.ts';
import { ledgerStep } from '../payment/ledger-step.ts';
import { startWebhookDelivery } from '../webhook-delivery/start.ts';
import { submitCancel, type PaymentCancelInput, type PaymentCancelOutcome } from './contract.ts';

/** Takes a payment back in full, whatever its state, or leaves a tombstone for one that has not arrived yet. */
export async function paymentCancel(input: PaymentCancelInput): Promise<PaymentCancelOutcome> {
  const canceling = ledgerStep((activities, askedAt) => activities.cancelPayment({ ...input, askedAt }));
  setHandler(submitCancel, async () => outcomeOf(await canceling), {
    description: 'Waits for the end of the cancellation. The API sends it together with the start.',
  });

  const result = await canceling;
  const outcome = outcomeOf(result);
  const refusal = outcome.kind === 'refused' ? `, cancel refused: ${outcome.detail}` : '';
  setCurrentDetails(`### ${describeMoney(outcome.view)}: **${outcome.view.status}**${refusal}`);
  if (result.kind === 'done' && result.outcome.webhookEventId !== null) {
    await startWebhookDelivery(result.outcome.webhookEventId);
  }
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  return outcome;
}

function outcomeOf(result: CancelResult): PaymentCancelOutcome {
  return result.kind === 'done'
    ? { kind: 'done', view: result.outcome.view }
    : { kind: 'refused', detail: result.detail, view: result.view };
}
