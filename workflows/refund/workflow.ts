import {
  allHandlersFinished,
  CancellationScope,
  condition,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { StoredRefund } from '../../activities/refund.ts';
import type { RefundView } from '../../domain/refund/refund.ts';
import { ledgerStep, workflowNow } from '../payment/ledger-step.ts';
import { startWebhookDelivery } from '../webhook-delivery/start.ts';
import { submitRefund, type RefundInput, type RefundOutcome } from './contract.ts';
import { refundOnCredit } from './credit.ts';
import { refundDetails } from './details.ts';

/** Gives a part or all of a payment back to where it came from: a balance at once, a pay-later partner when it has spoken. */
export function refund(input: RefundInput): Promise<RefundView> {
  // What may have left us is taken to its end, whoever cancels the workflow.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run(input: RefundInput): Promise<RefundView> {
  const ending = takeToItsEnd(input);
  setHandler(
    submitRefund,
    // How it ended is more than the merchant's outcome; the API takes what it needs.
    (): Promise<RefundOutcome> => ending,
    { description: 'Waits for the end of the refund. The API sends it together with the start.' },
  );

  const ended = await ending;
  if (ended.webhookEventId !== null) await startWebhookDelivery(ended.webhookEventId);
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  return ended.view;
}

async function takeToItsEnd(input: RefundInput): Promise<StoredRefund> {
  const requestedAt = workflowNow();
  const begun = await ledgerStep((activities, askedAt) =>
    activities.beginRefund({ ...input, requestedAt, askedAt }),
  );
  if (begun.credit !== null) return refundOnCredit(begun, begun.credit);
  setCurrentDetails(refundDetails(begun.view));
  return begun;
}
