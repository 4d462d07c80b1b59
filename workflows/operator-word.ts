import {
  condition,
  defineSignal,
  log,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  type SignalDefinition,
} from '@temporalio/workflow';
import { assertDefined } from '../domain/assert.ts';
import { AWAITING_OPERATOR } from './search-attributes.ts';

/** What an operator sends: one JSON value. Nothing else says who sent it. */
export interface OperatorWord<Action extends string> {
  readonly operator: string;
  readonly action: Action;
  readonly reason: string;
}

/** What a person is asked, and how their answer is read. */
export interface OperatorQuestion<Word> {
  readonly signal: SignalDefinition<[Word]>;
  /** What the JSON may say, for the list of signals and the details: `action`, `REFUND` or `ACCEPT`. */
  readonly choices: { readonly field: string; readonly values: readonly string[] };
  /** To paste in Temporal Web UI. */
  readonly example: unknown;
  /** What a word says, without what else the object carries; or what is wrong with it. */
  readonly read: (sent: unknown) => { readonly word: Word } | { readonly fault: string };
  /** Markdown: what to check. */
  readonly details: () => string;
  /** Is given what shows the details anew, for news that arrive while the person thinks. */
  readonly onNews?: ((show: () => void) => void) | undefined;
  /** Told of each good word after the first: it is not obeyed. */
  readonly onSecond?: ((word: Word) => void) | undefined;
  /** Told of each word that is none. */
  readonly onRefused?: ((fault: string) => void) | undefined;
  /** True once somebody else has answered; looked at whenever the workflow hears something. */
  readonly isOver?: (() => boolean) | undefined;
  /** True while somebody else is about to answer: a word waits for the end of that. */
  readonly isBusy?: (() => boolean) | undefined;
}

/**
 * Waits for a person: findable by `AwaitingOperator`, with details and the JSON to paste in Temporal Web UI. A word that
 * is none is shown with what is wrong and changes nothing; the first good one counts.
 *
 * @returns undefined if the question was over before a person answered it
 */
export async function askOperator<Word>(question: OperatorQuestion<Word>): Promise<Word | undefined> {
  const { signal, choices, read, details } = question;
  const example = JSON.stringify(question.example);
  const refused: string[] = [];
  let answer: { readonly word: Word } | undefined;
  const show = (): void => {
    const others = choices.values.map((it) => `\`${it}\``).join(' or ');
    const kept = refused.map((it) => `\n- not obeyed: ${it}`).join('');
    setCurrentDetails(
      `${details()}\n\n**Waits for an operator.** Send Signal \`${signal.name}\` with JSON, \`${choices.field}\` ${others}:\n\n\`\`\`json\n${example}\n\`\`\`\n${kept}`,
    );
  };
  setHandler(
    signal,
    (sent) => {
      const heard = read(sent);
      if ('fault' in heard) {
        refused.push(heard.fault);
        if (refused.length > MAX_SHOWN) refused.shift();
        question.onRefused?.(heard.fault);
      } else if (answer === undefined) answer = heard;
      else question.onSecond?.(heard.word);
      show();
    },
    {
      description: `One JSON object; ${choices.field}: ${choices.values.join(' | ')}. Example: ${example}`,
    },
  );
  upsertSearchAttributes([{ key: AWAITING_OPERATOR, value: true }]);
  question.onNews?.(show);
  show();
  await condition(
    () => (answer !== undefined && question.isBusy?.() !== true) || question.isOver?.() === true,
  );
  upsertSearchAttributes([{ key: AWAITING_OPERATOR, value: false }]);
  return answer?.word;
}

/**
 * Asks a person to choose an action, with a reason.
 *
 * @param details markdown: what to check
 * @param onNews is given what shows the details anew, for news that arrive while the person thinks
 */
export async function waitForOperator<Action extends string>(
  signal: SignalDefinition<[OperatorWord<Action>]>,
  actions: readonly [Action, ...Action[]],
  details: () => string,
  onNews?: (show: () => void) => void,
): Promise<OperatorWord<Action>> {
  return assertDefined(await waitForOperatorUnless({ onNews }, signal, actions, details));
}

/** The same, unless it becomes known without a person: undefined if it was over before a word came. */
export function waitForOperatorUnless<Action extends string>(
  more: Pick<OperatorQuestion<OperatorWord<Action>>, 'onNews' | 'isOver' | 'isBusy'>,
  signal: SignalDefinition<[OperatorWord<Action>]>,
  actions: readonly [Action, ...Action[]],
  details: () => string,
): Promise<OperatorWord<Action> | undefined> {
  return askOperator<OperatorWord<Action>>({
    ...more,
    signal,
    choices: { field: 'action', values: actions },
    example: { operator: 'your name', action: actions[0], reason: 'what you found' },
    read: (sent) => readWord(sent, actions),
    details,
  });
}

/** A word that nobody has asked for is not kept for later: who sent it did not know what it would be about. */
export function heedNoOperator(...signals: readonly { readonly name: string }[]): void {
  for (const { name } of signals) {
    setHandler(
      defineSignal(name),
      () => {
        log.warn(`${name} came while nothing waited for an operator; it changes nothing`);
      },
      { description: 'Nothing waits for this now: it would change nothing.' },
    );
  }
}

const MAX_SHOWN = 10;
const MAX_TEXT = 500;

function readWord<Action extends string>(
  sent: unknown,
  actions: readonly Action[],
): { word: OperatorWord<Action> } | { fault: string } {
  if (typeof sent !== 'object' || sent === null) return { fault: 'not a JSON object' };
  const { operator, action: said, reason } = sent as Record<string, unknown>;
  if (!isText(operator)) return { fault: 'operator is not a name' };
  const action = actions.find((it) => it === said);
  if (action === undefined) return { fault: `action is not ${actions.join(' or ')}` };
  if (!isText(reason)) return { fault: 'reason is missing' };
  return { word: { operator, action, reason } };
}

/** Text that an operator wrote: something, not too long, and nothing that Postgres does not keep. */
export function isText(value: unknown): value is string {
  // Postgres keeps neither control characters such as zero nor half characters.
  return (
    typeof value === 'string' &&
    value.trim() !== '' &&
    value.length <= MAX_TEXT &&
    !/[\p{Cc}\p{Cs}]/u.test(value)
  );
}
