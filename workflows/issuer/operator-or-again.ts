import { setHandler, type SignalDefinition } from '@temporalio/workflow';
import { heedNoOperator, waitForOperatorUnless, type OperatorWord } from '../operator-word.ts';
import { askIssuerNow } from './contract.ts';

/**
 * Waits for a person after an issuer was silent to the last: for the person's word, or for `askIssuerNow`, which has the issuer
 * asked from the beginning of the schedule.
 *
 * @param details markdown: what to check
 * @returns undefined: ask again
 */
export async function operatorOrAskAgain<Action extends string>(
  signal: SignalDefinition<[OperatorWord<Action>]>,
  actions: readonly [Action, ...Action[]],
  details: () => string,
): Promise<OperatorWord<Action> | undefined> {
  let isAskedAgain = false;
  setHandler(
    askIssuerNow,
    () => {
      isAskedAgain = true;
    },
    { description: 'Ask the issuer once more, from the beginning of the schedule. No input.' },
  );
  const word = await waitForOperatorUnless({ isOver: () => isAskedAgain }, signal, actions, () =>
    [details(), '', 'Signal `askIssuerNow` asks the issuer once more.'].join('\n'),
  );
  heedNoOperator(signal);
  return word;
}
