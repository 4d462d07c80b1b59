import {
  allHandlersFinished,
  CancellationScope,
  condition,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { StoredRepayment } from '../../activities/repayment.ts';
import { repaymentOperationKey, type IssuerCall } from '../../domain/credit/credit.ts';
import type { Contradiction, FinalAnswer } from '../../domain/credit/operator-word.ts';
import { describeMoney } from '../../domain/money.ts';
import type { RepaymentFailCode, RepaymentView } from '../../domain/repayment/repayment.ts';
import { askUntilKnown } from '../issuer/ask-until-known.ts';
import { checkWord } from '../issuer/check-word.ts';
import { operatorOrAskAgain } from '../issuer/operator-or-again.ts';
import { heedNoOperator } from '../operator-word.ts';
import { ledgerStep, workflowNow } from '../payment/ledger-step.ts';
import { resolveRepayment, submitRepayment, type RepaymentInput, type RepaymentOutcome } from './contract.ts';
import { repaymentDetails } from './details.ts';
import { wakeCampaign } from './wake-campaign.ts';

/**
 * Pays a debt, or a part of it, from the user's balance. The money is reserved while the issuer is asked by one key, for days if it
 * takes that; the campaign pauses meanwhile. It moves once the issuer has it, and is free again only if the issuer, or an operator, says
 * that it never will.
 */
export function repayment(input: RepaymentInput): Promise<RepaymentView> {
  // What may have left us is taken to its end, whoever cancels the workflow.
  return CancellationScope.nonCancellable(() => run(input));
}

async function run(input: RepaymentInput): Promise<RepaymentView> {
  heedNoOperator(resolveRepayment);
  const ending = takeToItsEnd(input);
  setHandler(submitRepayment, (): Promise<RepaymentOutcome> => ending, {
    description: 'Waits for the end of the repayment. The API sends it together with the start.',
  });
  const ended = await ending;
  if (ended.wake) await wakeCampaign({ issuerId: ended.issuerId, debtId: ended.view.debtId });
  if (!allHandlersFinished()) await condition(allHandlersFinished);
  return ended.view;
}

/** How a repayment ended at its issuer, and who says so. */
interface Ending {
  readonly failCode?: RepaymentFailCode;
  readonly resolver: string;
  readonly resolution: string;
  /** What the operator said against it, for a person. */
  readonly contradiction?: Contradiction;
}

async function takeToItsEnd(input: RepaymentInput): Promise<StoredRepayment> {
  const requestedAt = workflowNow();
  const begun = await ledgerStep((activities, askedAt) =>
    activities.beginRepayment({ ...input, requestedAt, askedAt }),
  );
  const { view, issuerId } = begun;
  setCurrentDetails(repaymentDetails(issuerId, view));
  if (view.status !== 'IN_PROGRESS') return { ...begun, wake: false };
  const { debtId, repaymentId } = view;
  // Beside the call, so that the user does not wait for it; the campaign would see the repayment anyway when its time comes.
  const pausing = begun.wake ? wakeCampaign({ issuerId, debtId }) : Promise.resolve();
  const ending = await askIssuer(begun);
  const ended = await ledgerStep((activities, askedAt) =>
    activities.finishRepayment({ issuerId, debtId, repaymentId, ...ending, askedAt }),
  );
  setCurrentDetails(repaymentDetails(issuerId, ended.view, `${ending.resolver}: ${ending.resolution}`));
  await pausing;
  return ended;
}

/** Asks until it is known; after days of silence an operator finds out, or has it asked again. */
async function askIssuer({ issuerId, view }: StoredRepayment): Promise<Ending> {
  const call: IssuerCall = {
    issuerId,
    operation: 'REPAYMENT',
    key: repaymentOperationKey(issuerId, view.debtId, view.repaymentId),
    debtId: view.debtId,
    repaymentId: view.repaymentId,
    amount: view.amount,
    currency: view.currency,
    paidAt: view.requestedAt,
  };
  for (;;) {
    const answer = await askUntilKnown(call);
    if (answer.kind !== 'GAVE_UP') return endingOf(answer);
    const word = await askOperator(call, view);
    if (word !== 'ASK_AGAIN') return word;
  }
}

function endingOf(answer: FinalAnswer | { readonly kind: 'NOT_FOUND' }): Ending {
  if (answer.kind === 'DONE') return { resolver: 'issuer', resolution: 'the issuer has it' };
  const why = answer.kind === 'REFUSED' ? answer.code : 'it knows nothing of it';
  return {
    failCode: 'REPAYMENT_REFUSED_BY_ISSUER',
    resolver: 'issuer',
    resolution: `the issuer refused it (${why})`,
  };
}

async function askOperator(call: IssuerCall, view: RepaymentView): Promise<Ending | 'ASK_AGAIN'> {
  const { issuerId, key } = call;
  const { debtId, repaymentId } = view;
  await ledgerStep((activities, askedAt) =>
    activities.giveUpRepayment({
      issuerId,
      debtId,
      repaymentId,
      detail: 'The issuer did not say for five days whether it has taken the repayment. Its money is held.',
      askedAt,
    }),
  );
  const word = await operatorOrAskAgain(resolveRepayment, ['COMPLETED', 'FAILED'], () =>
    [
      repaymentDetails(issuerId, view, `unknown at issuer ${issuerId}`),
      '',
      `Ask the issuer about operation \`${key}\`. \`COMPLETED\` if it has taken ${describeMoney(view)}: the money then goes to it. ` +
        '`FAILED` only if it has not and never will: then it is back in the balance and reminders go on.',
    ].join('\n'),
  );
  if (word === undefined) return 'ASK_AGAIN';
  const { answer, contradiction } = await checkWord(call, word);
  const byWord: Ending = {
    ...(word.action === 'FAILED' ? { failCode: 'REPAYMENT_GIVEN_UP' as const } : {}),
    resolver: word.operator,
    resolution: word.reason,
  };
  const ending = answer === undefined ? byWord : endingOf(answer);
  return contradiction === undefined ? ending : { ...ending, contradiction };
}
