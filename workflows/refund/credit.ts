import { setCurrentDetails } from '@temporalio/workflow';
import { ledgerStep } from '../payment/ledger-step.ts';
import type { BegunRefund, StoredRefund } from '../../activities/refund.ts';
import {
  paymentOperationKeys,
  refundOperationKey,
  type IssuerCall,
  type IssuerOutcome,
} from '../../domain/credit/credit.ts';
import type { Contradiction } from '../../domain/credit/operator-word.ts';
import { describeMoney } from '../../domain/money.ts';
import type { RefundFailCode } from '../../domain/refund/refund.ts';
import { askUntilKnown } from '../issuer/ask-until-known.ts';
import { checkWord } from '../issuer/check-word.ts';
import { operatorOrAskAgain } from '../issuer/operator-or-again.ts';
import { heedNoOperator } from '../operator-word.ts';
import { resolveRefund } from './contract.ts';
import { refundDetails } from './details.ts';

/** How a refund ended at its issuer, and who says so. */
interface Ending {
  readonly failCode?: RefundFailCode;
  readonly resolver: string;
  readonly resolution: string;
  /** What the operator said against it, for a person. */
  readonly contradiction?: Contradiction;
}

/**
 * Gives a reserved refund back through the issuer that paid for the payment, as long as it takes. Nothing is posted and the
 * reservation stays while the outcome is unknown; after five days of silence a person finds out.
 */
export async function refundOnCredit(begun: BegunRefund, credit: Credit): Promise<StoredRefund> {
  heedNoOperator(resolveRefund);
  setCurrentDetails(refundDetails(begun.view, `waits for issuer ${credit.issuerId}`));
  const ending = await askToTheEnd(begun, credit);
  const ended = await ledgerStep((activities, askedAt) =>
    activities.finishRefund({ refundId: begun.view.refundId, ...ending, askedAt }),
  );
  setCurrentDetails(refundDetails(ended.view, `${ending.resolver}: ${ending.resolution}`));
  return ended;
}

/** Asks until it is known; after days of silence an operator finds out, or has it asked again. */
async function askToTheEnd(begun: BegunRefund, credit: Credit): Promise<Ending> {
  for (;;) {
    const answer = await askIssuer(begun, credit);
    if (answer.kind !== 'GAVE_UP') return endingOf(answer);
    const ending = await askOperator(begun, credit);
    if (ending !== 'ASK_AGAIN') return ending;
  }
}

type Credit = NonNullable<StoredRefund['credit']>;

/**
 * An issuer can give back only what it has captured, and the capture may still be on its way: the payment's own workflow sends it
 * after its answer. The same call under the same key, so whoever comes second finds it done.
 */
async function askIssuer({ view, isCaptured }: BegunRefund, credit: Credit): Promise<IssuerOutcome> {
  const keys = paymentOperationKeys(view.merchantId, view.merchantPaymentId);
  const { issuerId } = credit;
  if (!isCaptured) {
    const captured = await askUntilKnown({
      issuerId,
      key: keys.capture,
      operation: 'CAPTURE',
      authorisationKey: keys.authorise,
      amount: credit.paymentAmount,
    });
    if (captured.kind === 'GAVE_UP') return captured;
  }
  return askUntilKnown(refundCall(view, credit));
}

function refundCall(view: BegunRefund['view'], { issuerId }: Credit): IssuerCall {
  return {
    issuerId,
    key: refundOperationKey(view.merchantId, view.merchantRefundId),
    operation: 'REFUND',
    authorisationKey: paymentOperationKeys(view.merchantId, view.merchantPaymentId).authorise,
    amount: view.amount,
  };
}

function endingOf(answer: Exclude<IssuerOutcome, { kind: 'GAVE_UP' }>): Ending {
  if (answer.kind === 'DONE') return { resolver: 'issuer', resolution: 'the issuer has given it back' };
  const why = answer.kind === 'REFUSED' ? answer.code : 'it knows nothing of it';
  return {
    failCode: 'REFUND_REFUSED_BY_ISSUER',
    resolver: 'issuer',
    resolution: `the issuer refused it (${why})`,
  };
}

async function askOperator({ view }: BegunRefund, credit: Credit): Promise<Ending | 'ASK_AGAIN'> {
  const call = refundCall(view, credit);
  const { key } = call;
  await ledgerStep((activities, askedAt) =>
    activities.giveUpRefund({
      refundId: view.refundId,
      reference: key,
      detail: 'The issuer did not say for five days whether it gave the refund back.',
      askedAt,
    }),
  );
  const word = await operatorOrAskAgain(resolveRefund, ['COMPLETED', 'FAILED'], () =>
    [
      refundDetails(view, `unknown at issuer ${credit.issuerId}`),
      '',
      `Ask the issuer about operation \`${key}\`. \`COMPLETED\` if it has given ${describeMoney(view)} back: the merchant then pays for it. ` +
        '`FAILED` only if it has not and never will: what is reserved of the payment is free again.',
    ].join('\n'),
  );
  if (word === undefined) return 'ASK_AGAIN';
  const { answer, contradiction } = await checkWord(call, word);
  const byWord: Ending = {
    ...(word.action === 'FAILED' ? { failCode: 'REFUND_GIVEN_UP' as const } : {}),
    resolver: word.operator,
    resolution: word.reason,
  };
  const ending = answer === undefined ? byWord : endingOf(answer);
  return contradiction === undefined ? ending : { ...ending, contradiction };
}
