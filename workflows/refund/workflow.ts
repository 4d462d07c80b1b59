import { allHandlersFinished, condition, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { RefundView } from '../../domain/refund/refund.ts';
import { workflowNow } from '../payment/ledger-step.ts';
import { startWebhookDelivery } from '../webhook-delivery/start.ts';
import { submitRefund, type RefundInput, type RefundOutcome } from './contract.ts';
import { refundDetails } from './details.ts';
import { refundStep } from './step.ts';

/** Gives a part or all of a payment back to where it came from. */
export async function refund(input: RefundInput): Promise<RefundView> {
  const requestedAt = workflowNow();
  const ending = refundStep((activities, askedAt) =>
    activities.beginRefund({ ...input, requestedAt, askedAt }),
  );
  setHandler(submitRefund, (): Promise<RefundOutcome> => ending, {
    description: 'Waits for the end of the refund. The API sends it together with the start.',
  });

  const ended = await ending;
  setCurrentDetails(refundDetails(ended.view));
  if (ended.webhookEventId !== null) await startWebhookDelivery(ended.webhookEventId);
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  return ended.view;
}
