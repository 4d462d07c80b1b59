import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { StoredOutcome } from '../../activities/payment.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { heedNoOperator } from '../operator-word.ts';
import { PAYMENT_STATUS } from '../search-attributes.ts';
import { startWebhookDelivery } from '../webhook-delivery/start.ts';
import {
  resolveDispute,
  resolveUnknown,
  submit,
  type PaymentInput,
  type PaymentOutcome,
} from './contract.ts';
import { decideOnCredit, settleWithIssuer } from './credit.ts';
import { paymentDetails } from './details.ts';
import { ledgerStep } from './ledger-step.ts';
import { reconcile, type IssuerSide } from './reconcile.ts';

/**
 * One code payment: decided in one Postgres transaction while the till waits (or, on credit, when its issuer has spoken), then
 * told to the merchant; an offline one waits for the phone's journal after that.
 */
export function payment(input: PaymentInput): Promise<PaymentView> {
  // Cancelling the workflow is not taking the payment back: that has a workflow of its own.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run(input: PaymentInput): Promise<PaymentView> {
  const requestedAt = workflowInfo().startTime.toISOString();
  const deciding = decide(input, requestedAt);
  setHandler(
    submit,
    // What was decided is more than the till's outcome; the API takes what it needs.
    (): Promise<PaymentOutcome> => deciding,
    { description: 'Waits for the decision. The API sends it together with the start.' },
  );
  heedNoOperator(resolveDispute, resolveUnknown);

  const decided = await deciding;
  if (isOfAnotherRequest(input, decided)) return leaveToTheOther(decided);
  setCurrentDetails(paymentDetails(input, decided.view));
  // A decline stays at the eight events of the answer itself; everything else is worth one to be found by its status.
  if (decided.view.status !== 'DECLINED') {
    upsertSearchAttributes([{ key: PAYMENT_STATUS, value: decided.view.status }]);
  }
  if (decided.webhookEventId !== null) await startWebhookDelivery(decided.webhookEventId);
  // Histories from before there was credit have no such field.
  const credit = decided.credit ?? undefined;
  const issuer: IssuerSide = { isBusy: credit !== undefined, waits: '', showQuestion: undefined };
  // A silent issuer keeps no dispute from the operator.
  const [view] = await Promise.all([
    decided.view.reconciliation === undefined ? decided.view : reconcile(input, decided, issuer),
    credit === undefined ? undefined : settleBeside(input, decided, credit, issuer),
  ]);
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  return view;
}

/** An operator's question stays on the screen while the issuer is asked. */
async function settleBeside(
  input: PaymentInput,
  decided: StoredOutcome,
  credit: NonNullable<StoredOutcome['credit']>,
  issuer: IssuerSide,
): Promise<void> {
  const show = (details: string): void => {
    issuer.waits = details;
    if (issuer.showQuestion === undefined) setCurrentDetails(details);
    else issuer.showQuestion();
  };
  await settleWithIssuer(input, decided, credit, { show });
  issuer.isBusy = false;
  issuer.showQuestion?.();
}

async function decide(input: PaymentInput, requestedAt: string): Promise<StoredOutcome> {
  const settled = await ledgerStep((activities, askedAt) =>
    activities.settlePayment({ ...input, requestedAt, askedAt }),
  );
  const { credit } = settled;
  if (credit === null || settled.view.status !== 'IN_PROGRESS' || isOfAnotherRequest(input, settled))
    return settled;
  return decideOnCredit(input, settled, credit);
}

/** The id belongs to another request, as after the workflow of that one was terminated. */
function isOfAnotherRequest(input: PaymentInput, found: StoredOutcome): boolean {
  return found.requestHash !== input.requestHash;
}

/** Answers with what is stored and does nothing; what waits for its issuer can be taken up by its own request again. */
async function leaveToTheOther(found: StoredOutcome): Promise<PaymentView> {
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  if (found.view.status !== 'IN_PROGRESS') return found.view;
  throw ApplicationFailure.nonRetryable('another request of this id is under way', 'OtherRequest');
}
