import {
  allHandlersFinished,
  condition,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { PAYMENT_STATUS } from '../search-attributes.ts';
import { startWebhookDelivery } from '../webhook-delivery/start.ts';
import { submit, type PaymentInput, type PaymentOutcome } from './contract.ts';
import { paymentDetails } from './details.ts';
import { ledgerStep, workflowNow } from './ledger-step.ts';

/** One code payment: decided in one Postgres transaction while the till waits, then told to the merchant. */
export async function payment(input: PaymentInput): Promise<PaymentView> {
  const requestedAt = workflowNow();
  const deciding = ledgerStep((activities, askedAt) =>
    activities.settlePayment({ ...input, requestedAt, askedAt }),
  );
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
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  return decided.view;
}
