import {
  allHandlersFinished,
  condition,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { StoredOutcome } from '../../activities/payment.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { PAYMENT_STATUS } from '../search-attributes.ts';
import { startWebhookDelivery } from '../webhook-delivery/start.ts';
import { submit, type PaymentInput, type PaymentOutcome } from './contract.ts';
import { decideOnCredit, settleWithIssuer } from './credit.ts';
import { paymentDetails } from './details.ts';
import { ledgerStep } from './ledger-step.ts';
import { reconcile } from './reconcile.ts';

/**
 * One code payment: decided in one Postgres transaction while the till waits (or, on credit, when its issuer has spoken), then
 * told to the merchant; an offline one waits for the phone's journal after that.
 */
export async function payment(input: PaymentInput): Promise<PaymentView> {
  const requestedAt = workflowInfo().startTime.toISOString();
  const deciding = decide(input, requestedAt);
  setHandler(
    submit,
    // What was decided is more than the till's outcome; the API takes what it needs.
    (): Promise<PaymentOutcome> => deciding,
    { description: 'Waits for the decision. The API sends it together with the start.' },
  );

  const decided = await deciding;
  setCurrentDetails(paymentDetails(input, decided.view));
  // A decline stays at the eight events of the answer itself; everything else is worth one to be found by its status.
  if (decided.view.status !== 'DECLINED') {
    upsertSearchAttributes([{ key: PAYMENT_STATUS, value: decided.view.status }]);
  }
  if (decided.webhookEventId !== null) await startWebhookDelivery(decided.webhookEventId);
  // Histories from before there was credit have no such field.
  const credit = decided.credit ?? undefined;
  if (credit !== undefined) await settleWithIssuer(input, decided, credit);
  const view = decided.view.reconciliation === undefined ? decided.view : await reconcile(input, decided);
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  return view;
}

async function decide(input: PaymentInput, requestedAt: string): Promise<StoredOutcome> {
  const settled = await ledgerStep((activities, askedAt) =>
    activities.settlePayment({ ...input, requestedAt, askedAt }),
  );
  const { credit } = settled;
  return credit === null || settled.view.status !== 'IN_PROGRESS'
    ? settled
    : decideOnCredit(input, settled, credit);
}
