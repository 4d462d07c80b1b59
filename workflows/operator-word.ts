import {
  condition,
  defineSignal,
  log,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  type SignalDefinition,
} from '@temporalio/workflow';
import { AWAITING_OPERATOR } from './search-attributes.ts';

/** What an operator sends: one JSON value. Nothing else says who sent it. */
export interface OperatorWord<Action extends string> {
  readonly operator: string;
  readonly action: Action;
  readonly reason: string;
}

/**
 * Waits for a person: findable by `AwaitingOperator`, with `details` and the JSON to paste in Temporal Web UI. A word that
 * is none is shown with what is wrong and changes nothing; the first good one counts.
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
  const example = JSON.stringify({ operator: 'your name', action: actions[0], reason: 'what you found' });
  const refused: string[] = [];
  let word: OperatorWord<Action> | undefined;
  const show = (): void => {
    const others = actions.map((it) => `\`${it}\``).join(' or ');
    const kept = refused.map((it) => `\n- not obeyed: ${it}`).join('');
    setCurrentDetails(
      `${details()}\n\n**Waits for an operator.** Send Signal \`${signal.name}\` with JSON, \`action\` ${others}:\n\n\`\`\`json\n${example}\n\`\`\`\n${kept}`,
    );
  };
  setHandler(
    signal,
    (sent) => {
      const fault = wordFault(sent, actions);
      if (fault !== undefined) refused.push(fault);
      // What else the object carries goes no further.
      else word ??= { operator: sent.operator, action: sent.action, reason: sent.reason };
      if (refused.length > MAX_SHOWN) refused.shift();
      show();
    },
    { description: `One JSON object; action: ${actions.join(' | ')}. Example: ${example}` },
  );
  upsertSearchAttributes([{ key: AWAITING_OPERATOR, value: true }]);
  onNews?.(show);
  show();
  await condition(() => word !== undefined);
  upsertSearchAttributes([{ key: AWAITING_OPERATOR, value: false }]);
  return word as unknown as OperatorWord<Action>;
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

function wordFault(sent: unknown, actions: readonly string[]): string | undefined {
  if (typeof sent !== 'object' || sent === null) return 'not a JSON object';
  const { operator, action, reason } = sent as Record<string, unknown>;
  if (!isText(operator)) return 'operator is not a name';
  if (typeof action !== 'string' || !actions.includes(action)) return `action is not ${actions.join(' or ')}`;
  if (!isText(reason)) return 'reason is missing';
  return undefined;
}

function isText(value: unknown): boolean {
  // Postgres keeps neither control characters such as zero nor half characters.
  return (
    typeof value === 'string' &&
    value.trim() !== '' &&
    value.length <= MAX_TEXT &&
    !/[\p{Cc}\p{Cs}]/u.test(value)
  );
}
