import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { CancelResult } from '../../activities/payment.ts';
import { describeMoney } from '../../domain/money.ts';
import { voidAuthorisation } from '../payment/credit.ts';
import { ledgerStep } from '../payment/ledger-step.ts';
import { startWebhookDelivery } from '../webhook-delivery/start.ts';
import { submitCancel, type PaymentCancelInput, type PaymentCancelOutcome } from './contract.ts';

/** Takes a payment back in full, whatever its state, or leaves a tombstone for one that has not arrived yet. */
export function paymentCancel(input: PaymentCancelInput): Promise<PaymentCancelOutcome> {
  // What is canceled here has to be told, and voided at its issuer, whoever cancels the workflow.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run(input: PaymentCancelInput): Promise<PaymentCancelOutcome> {
  const canceling = ledgerStep((activities, askedAt) => activities.cancelPayment({ ...input, askedAt }));
  setHandler(submitCancel, async () => outcomeOf(await canceling), {
    description: 'Waits for the end of the cancellation. The API sends it together with the start.',
  });

  const result = await canceling;
  const outcome = outcomeOf(result);
  const show = (): void => {
    setCurrentDetails(`### ${describeMoney(outcome.view)}: **${outcome.view.status}**${remark(outcome)}`);
  };
  show();
  if (result.kind === 'done') {
    const { webhookEventId, view } = result.outcome;
    // Histories from before there was credit have no such field.
    const credit = result.outcome.credit ?? undefined;
    if (webhookEventId !== null) await startWebhookDelivery(webhookEventId);
    if (credit !== undefined && view.status === 'CANCELED') {
      await voidAuthorisation(input, result.outcome, credit);
      show();
    }
  }
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  if (result.kind === 'refused' && result.isForNow === true) {
    // Completed, it would be the answer for good; failed, it is asked anew by the next request.
    throw ApplicationFailure.nonRetryable('a refund is on its way', 'RefusedForNow');
  }
  return outcome;
}

function outcomeOf(result: CancelResult): PaymentCancelOutcome {
  return result.kind === 'refused'
    ? {
        kind: 'refused',
        detail: result.detail,
        view: result.view,
        ...(result.isForNow === true ? { isForNow: true } : {}),
      }
    : { kind: result.kind, view: result.outcome.view };
}

function remark(outcome: PaymentCancelOutcome): string {
  if (outcome.kind === 'refused') return `, cancel refused: ${outcome.detail}`;
  return outcome.kind === 'pending' ? ', to be canceled when its issuer has spoken' : '';
}
