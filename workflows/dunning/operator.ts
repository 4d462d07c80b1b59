import { setHandler } from '@temporalio/workflow';
import { operateCampaign, type CampaignWord } from './contract.ts';

const MAX_TEXT = 500;
const MAX_SHOWN = 5;
const ACTIONS: readonly string[] = ['HOLD', 'RELEASE', 'STOP'];
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export const HOLD_EXAMPLE = JSON.stringify({
  operator: 'your name',
  action: 'HOLD',
  reason: 'complaint, ticket 4711',
  until: '2027-01-31T00:00:00Z',
});

/** What operators have sent: words to obey, and what was wrong with the others. */
export interface CampaignWords {
  readonly pending: CampaignWord[];
  readonly refused: string[];
}

/** Takes operators' words while the campaign runs. What is none is shown with what is wrong and changes nothing. */
export function takeWords(words: CampaignWords, onWord: () => void): void {
  setHandler(
    operateCampaign,
    (sent) => {
      const fault = faultOf(sent);
      if (fault === undefined) words.pending.push(sent);
      else words.refused.push(fault);
      if (words.refused.length > MAX_SHOWN) words.refused.shift();
      onWord();
    },
    {
      description: `One JSON object; action: HOLD (with until), RELEASE or STOP. Example: ${HOLD_EXAMPLE}`,
    },
  );
}

function faultOf(sent: unknown): string | undefined {
  if (typeof sent !== 'object' || sent === null) return 'not a JSON object';
  const { operator, action, reason, until } = sent as Record<string, unknown>;
  if (!isText(operator)) return 'operator is not a name';
  if (typeof action !== 'string' || !ACTIONS.includes(action)) return `action is not ${ACTIONS.join(' or ')}`;
  if (!isText(reason)) return 'reason is missing';
  if (action === 'HOLD' && !isTime(until)) return 'until is not a time such as 2027-01-31T00:00:00Z';
  return undefined;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '' && value.length <= MAX_TEXT;
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && RFC_3339.test(value) && !Number.isNaN(Date.parse(value));
}
