import { setCurrentDetails } from '@temporalio/workflow';
import type { StoredOutcome } from '../../activities/payment.ts';
import {
  paymentOperationKeys,
  voidOf,
  type IssuerCall,
  type IssuerOutcome,
} from '../../domain/credit/credit.ts';
import { describeMoney } from '../../domain/money.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import { askUntilKnown, askWhenTold, type AskOptions } from '../issuer/ask-until-known.ts';
import { waitForOperatorUnless } from '../operator-word.ts';
import { resolveUnknown, type PaymentInput, type UnknownWord } from './contract.ts';
import { ledgerStep, workflowNow } from './ledger-step.ts';

type Credit = NonNullable<StoredOutcome['credit']>;

/** What is paid on credit: a code payment, or whatever else is one at a merchant. */
export type CreditOrder = Pick<PaymentInput, 'merchantId' | 'merchantPaymentId' | 'amount' | 'currency'>;

/**
 * Asks the payer's issuer, as long as it takes, and decides by its answer. Nothing is taken back while the answer is unknown: a
 * time-out may have been a yes. After five days of silence a person finds out.
 */
export async function decideOnCredit(
  input: CreditOrder,
  settled: StoredOutcome,
  credit: Credit,
): Promise<StoredOutcome> {
  setCurrentDetails(`### ${describeMoney(input)}: **IN_PROGRESS**\n\nWaits for issuer ${credit.issuerId}.`);
  const key = paymentOperationKeys(input.merchantId, input.merchantPaymentId).authorise;
  const call: IssuerCall = {
    issuerId: credit.issuerId,
    key,
    operation: 'AUTHORISE',
    accountRef: credit.accountRef,
    amount: settled.view.amount,
    currency: settled.view.currency,
  };
  let answer = await askUntilKnown(call);
  let word: UnknownWord | undefined;
  let isLate = false;
  if (answer.kind === 'GAVE_UP') {
    isLate = true;
    await handOver(
      settled.view.paymentId,
      key,
      'The issuer did not say for five days whether it authorised the payment.',
    );
    const again = askWhenTold(call);
    const unless = { isOver: () => again.outcome() !== undefined, isBusy: again.isAsking };
    const said = await waitForOperatorUnless(unless, resolveUnknown, ['DECLINED', 'AUTHORISED'], () =>
      [
        `### ${describeMoney(input)}: **IN_PROGRESS**, outcome unknown at issuer ${credit.issuerId}`,
        '',
        `Ask the issuer about operation \`${key}\`. \`AUTHORISED\` pays the merchant; \`DECLINED\` pays nothing, and what the issuer may have booked is voided. ` +
          'Where the issuer answers again, signal `askIssuerNow` asks it, and its answer decides.',
      ].join('\n'),
    );
    // What the issuer itself says counts more than what a person has learnt of it.
    answer = again.outcome() ?? answer;
    if (answer.kind === 'GAVE_UP') word = said;
  }
  const decided = await ledgerStep((activities, askedAt) =>
    activities.decideCredit({
      merchantId: input.merchantId,
      merchantPaymentId: input.merchantPaymentId,
      authorised: answer.kind === 'DONE' || word?.action === 'AUTHORISED',
      ...(isLate
        ? {
            operator: word?.operator ?? 'issuer',
            reason: word?.reason ?? 'it answered when it was asked again',
          }
        : {}),
      askedAt,
    }),
  );
  // Whatever the issuer may have booked after all must not stand; a clear refusal booked nothing.
  if (decided.view.status === 'DECLINED' && answer.kind === 'GAVE_UP')
    await voidDeclined(input, decided, credit);
  if (answer.kind === 'NOT_FOUND') await recordLateSuccess(input, decided, answer.released);
  return decided;
}

/** After the decision: the issuer books what was paid, or gives back what a cancel overtook. */
export async function settleWithIssuer(
  input: CreditOrder,
  decided: StoredOutcome,
  credit: Credit,
  options: AskOptions = {},
): Promise<void> {
  if (decided.view.status === 'CANCELED') await voidAuthorisation(input, decided, credit, options);
  // A run that finds a decline, as after a reset, does not know whether a person made it while the issuer was silent, nor whether
  // the run before came to the void. Of a clear refusal a void changes nothing.
  if (decided.view.status === 'DECLINED' && decided.replayed)
    await voidDeclined(input, decided, credit, options);
  if (decided.view.status !== 'COMPLETED') return;
  const call = captureCall(decided.view, credit);
  const answer = await askUntilKnown(call, options);
  // Voided by a cancel that was faster: then there is nothing to book.
  const isFine = answer.kind === 'REFUSED' && answer.code === 'VOIDED' && (await isCanceled(input));
  if (!isFine) await handOverUnlessDone(decided.view.paymentId, call, answer);
}

function captureCall(view: PaymentView, { issuerId }: { issuerId: string }): IssuerCall {
  const keys = paymentOperationKeys(view.merchantId, view.merchantPaymentId);
  return {
    issuerId,
    key: keys.capture,
    operation: 'CAPTURE',
    authorisationKey: keys.authorise,
    amount: view.amount,
    currency: view.currency,
  };
}

/**
 * Gives back at the issuer what a dispute gave back here. It can give back only what it has captured, and that may still be on its
 * way: the same call under the same key, so whoever comes second finds it done.
 */
export async function refundDispute(
  view: PaymentView,
  credit: { issuerId: string },
  amount: number,
): Promise<void> {
  await askUntilKnown(captureCall(view, credit));
  const keys = paymentOperationKeys(view.merchantId, view.merchantPaymentId);
  await mustHappen(view.paymentId, {
    issuerId: credit.issuerId,
    key: keys.disputeRefund,
    operation: 'REFUND',
    authorisationKey: keys.authorise,
    amount,
    currency: view.currency,
  });
}

async function isCanceled({ merchantId, merchantPaymentId }: CreditOrder): Promise<boolean> {
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
  options: AskOptions = {},
): Promise<void> {
  await mustHappen(outcome.view.paymentId, voidCall(it, credit), options);
}

function voidCall(it: { merchantId: string; merchantPaymentId: string }, credit: Credit): IssuerCall {
  const { authorise } = paymentOperationKeys(it.merchantId, it.merchantPaymentId);
  return voidOf({ issuerId: credit.issuerId, key: authorise, operation: 'AUTHORISE' });
}

/** The void of what was declined here: anything that it gives back is a success that came too late. */
async function voidDeclined(
  input: CreditOrder,
  decided: StoredOutcome,
  credit: Credit,
  options: AskOptions = {},
): Promise<void> {
  const answer = await mustHappen(decided.view.paymentId, voidCall(input, credit), options);
  if (answer.kind === 'DONE') await recordLateSuccess(input, decided, answer.released);
}

/** A success that was not known when the payment was declined is reversed, and never silently: the books can be compared by it. */
async function recordLateSuccess(
  { merchantId, merchantPaymentId }: CreditOrder,
  { view }: StoredOutcome,
  released: number | undefined,
): Promise<void> {
  if (released === undefined || released === 0) return;
  await ledgerStep((activities) =>
    activities.recordIssuerBreak({
      paymentId: view.paymentId,
      class: 'late',
      reference: paymentOperationKeys(merchantId, merchantPaymentId).void,
      detail: `The issuer had booked this payment, which is ${view.status} here, after all; its void gave ${released} ${view.currency} back.`,
      at: workflowNow(),
    }),
  );
}

/** Sends what the books here already say; where the issuer's books do not follow, a person is told by a break. */
export async function mustHappen(
  paymentId: string,
  call: IssuerCall,
  options: AskOptions = {},
): Promise<IssuerOutcome> {
  const answer = await askUntilKnown(call, options);
  await handOverUnlessDone(paymentId, call, answer);
  return answer;
}

async function handOverUnlessDone(paymentId: string, call: IssuerCall, answer: IssuerOutcome): Promise<void> {
  if (answer.kind === 'DONE') return;
  const what = answer.kind === 'REFUSED' ? `refused it (${answer.code})` : 'did not confirm it';
  await handOver(paymentId, call.key, `${call.operation} is in our books, the issuer ${what}.`);
}

async function handOver(paymentId: string, reference: string, detail: string): Promise<void> {
  await ledgerStep((activities) =>
    activities.recordIssuerBreak({
      paymentId,
      class: 'unknown_outcome',
      reference,
      detail,
      at: workflowNow(),
    }),
  );
}
