import { setCurrentDetails } from '@temporalio/workflow';
import type { StoredOutcome } from '../../activities/payment.ts';
import { paymentOperationKeys, type IssuerCall, type IssuerOutcome } from '../../domain/credit/credit.ts';
import { describeMoney } from '../../domain/money.ts';
import { askUntilKnown } from '../issuer/ask-until-known.ts';
import { waitForOperator } from '../operator-word.ts';
import { resolveUnknown, type PaymentInput, type UnknownWord } from './contract.ts';
import { ledgerStep, workflowNow } from './ledger-step.ts';

type Credit = NonNullable<StoredOutcome['credit']>;

/**
 * Asks the payer's issuer, as long as it takes, and decides by its answer. Nothing is taken back while the answer is unknown: a
 * time-out may have been a yes. After five days of silence a person finds out.
 */
export async function decideOnCredit(
  input: PaymentInput,
  settled: StoredOutcome,
  credit: Credit,
): Promise<StoredOutcome> {
  setCurrentDetails(`### ${describeMoney(input)}: **IN_PROGRESS**\n\nWaits for issuer ${credit.issuerId}.`);
  const key = paymentOperationKeys(input.merchantId, input.merchantPaymentId).authorise;
  const answer = await askUntilKnown({
    issuerId: credit.issuerId,
    key,
    operation: 'AUTHORISE',
    accountRef: credit.accountRef,
    amount: settled.view.amount,
    currency: settled.view.currency,
  });
  let word: UnknownWord | undefined;
  let authorised = answer.kind === 'DONE';
  if (answer.kind === 'GAVE_UP') {
    await handOver(
      settled.view.paymentId,
      key,
      'The issuer did not say for five days whether it authorised the payment.',
    );
    word = await waitForOperator(resolveUnknown, ['DECLINED', 'AUTHORISED'], () =>
      [
        `### ${describeMoney(input)}: **IN_PROGRESS**, outcome unknown at issuer ${credit.issuerId}`,
        '',
        `Ask the issuer about operation \`${key}\`. \`AUTHORISED\` pays the merchant; \`DECLINED\` pays nothing, and what the issuer may have booked is voided.`,
      ].join('\n'),
    );
    authorised = word.action === 'AUTHORISED';
  }
  const decided = await ledgerStep((activities, askedAt) =>
    activities.decideCredit({
      merchantId: input.merchantId,
      merchantPaymentId: input.merchantPaymentId,
      authorised,
      ...(word === undefined ? {} : { operator: word.operator, reason: word.reason }),
      askedAt,
    }),
  );
  // Whatever the issuer may have booked after all must not stand; a clear refusal booked nothing.
  if (decided.view.status === 'DECLINED' && answer.kind === 'GAVE_UP')
    await voidAuthorisation(input, decided, credit);
  return decided;
}

/** After the decision: the issuer books what was paid, or gives back what a cancel overtook. */
export async function settleWithIssuer(
  input: PaymentInput,
  decided: StoredOutcome,
  credit: Credit,
): Promise<void> {
  if (decided.view.status === 'CANCELED') await voidAuthorisation(input, decided, credit);
  if (decided.view.status !== 'COMPLETED') return;
  const keys = paymentOperationKeys(input.merchantId, input.merchantPaymentId);
  const call: IssuerCall = {
    issuerId: credit.issuerId,
    key: keys.capture,
    operation: 'CAPTURE',
    authorisationKey: keys.authorise,
    amount: decided.view.amount,
    currency: decided.view.currency,
  };
  const answer = await askUntilKnown(call);
  // Voided by a cancel that was faster: then there is nothing to book.
  const isFine = answer.kind === 'REFUSED' && answer.code === 'VOIDED' && (await isCanceled(input));
  if (!isFine) await handOverUnlessDone(decided.view.paymentId, call, answer);
}

async function isCanceled({ merchantId, merchantPaymentId }: PaymentInput): Promise<boolean> {
  const found = await ledgerStep((activities, askedAt) =>
    activities.reconcilePayment({ merchantId, merchantPaymentId, askedAt }),
  );
  return found.view.status === 'CANCELED';
}

/** Gives back what the issuer has authorised or captured for a payment; nothing if it never did. */
export async function voidAuthorisation(
  it: { merchantId: string; merchantPaymentId: string },
  outcome: StoredOutcome,
  credit: Credit,
): Promise<void> {
  const keys = paymentOperationKeys(it.merchantId, it.merchantPaymentId);
  await mustHappen(outcome.view.paymentId, {
    issuerId: credit.issuerId,
    key: keys.void,
    operation: 'VOID',
    authorisationKey: keys.authorise,
  });
}

/** Sends what the books here already say; where the issuer's books do not follow, a person is told by a break. */
export async function mustHappen(paymentId: string, call: IssuerCall): Promise<void> {
  await handOverUnlessDone(paymentId, call, await askUntilKnown(call));
}

async function handOverUnlessDone(paymentId: string, call: IssuerCall, answer: IssuerOutcome): Promise<void> {
  if (answer.kind === 'DONE') return;
  const what = answer.kind === 'REFUSED' ? `refused it (${answer.code})` : 'did not confirm it';
  await handOver(paymentId, call.key, `${call.operation} is in our books, the issuer ${what}.`);
}

async function handOver(paymentId: string, reference: string, detail: string): Promise<void> {
  await ledgerStep((activities) =>
    activities.recordUnknownOutcome({ paymentId, reference, detail, at: workflowNow() }),
  );
}
