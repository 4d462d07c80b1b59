import { allHandlersFinished, condition, setCurrentDetails, setHandler } from '@temporalio/workflow';
import { assertDefined } from '../../domain/assert.ts';
import { describeMoney } from '../../domain/money.ts';
import { ledgerStep } from '../payment/ledger-step.ts';
import { startWebhookDelivery } from '../webhook-delivery/start.ts';
import { submitCancel, type PaymentCancelInput, type PaymentCancelOutcome } from './contract.ts';

/** Takes a payment back in full, whatever its state, or leaves a tombstone for one that has not arrived yet. */
export async function paymentCancel(input: PaymentCancelInput): Promise<PaymentCancelOutcome> {
  let outcome: PaymentCancelOutcome | undefined;
  setHandler(
    submitCancel,
    async () => {
      await condition(() => outcome !== undefined);
      return assertDefined(outcome);
    },
    { description: 'Waits for the end of the cancellation. The API sends it together with the start.' },
  );

  const result = await ledgerStep((activities, askedAt) => activities.cancelPayment({ ...input, askedAt }));
  outcome =
    result.kind === 'done'
      ? { kind: 'done', view: result.outcome.view }
      : { kind: 'refused', detail: result.detail, view: result.view };
  const refusal = outcome.kind === 'refused' ? `, cancel refused: ${outcome.detail}` : '';
  setCurrentDetails(`### ${describeMoney(outcome.view)}: **${outcome.view.status}**${refusal}`);
  if (result.kind === 'done' && result.outcome.webhookEventId !== null && !result.outcome.replayed) {
    await startWebhookDelivery(result.outcome.webhookEventId);
  }
  await condition(allHandlersFinished);
  return outcome;
}
