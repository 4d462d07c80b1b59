import { setHandler } from '@temporalio/workflow';
import { isText } from '../operator-word.ts';
import { changePolicy, operateCampaign, type CampaignWord, type PolicyWord } from './contract.ts';

const MAX_SHOWN = 5;
const ACTIONS: readonly string[] = ['HOLD', 'RELEASE', 'STOP'];
const RFC_3339 = /^(20|21)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export const HOLD_EXAMPLE = JSON.stringify({
  operator: 'your name',
  action: 'HOLD',
  reason: 'complaint, ticket 4711',
  until: '2027-01-31T00:00:00Z',
});

const POLICY_EXAMPLE = JSON.stringify({ operator: 'your name', version: 'v2' });

/** What operators have sent: words to obey, and what was wrong with the others. */
export interface CampaignWords {
  readonly pending: (CampaignWord | (PolicyWord & { readonly action: 'POLICY' }))[];
  readonly refused: string[];
}

/** Takes operators' words while the campaign runs. What is none is shown with what is wrong and changes nothing. */
export function takeWords(words: CampaignWords, onWord: () => void): void {
  const refuse = (fault: string): void => {
    words.refused.push(fault);
    if (words.refused.length > MAX_SHOWN) words.refused.shift();
  };
  setHandler(
    changePolicy,
    (sent) => {
      const fault = policyFaultOf(sent);
      if (fault === undefined) words.pending.push({ ...sent, action: 'POLICY' });
      else refuse(fault);
      onWord();
    },
    { description: `Go on under another version of the issuer's rules. Example: ${POLICY_EXAMPLE}` },
  );
  setHandler(
    operateCampaign,
    (sent) => {
      const fault = faultOf(sent);
      if (fault === undefined) words.pending.push(readWord(sent));
      else refuse(fault);
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

function policyFaultOf(sent: unknown): string | undefined {
  if (typeof sent !== 'object' || sent === null) return 'not a JSON object';
  const { version, operator } = sent as Record<string, unknown>;
  if (!isText(operator)) return 'operator is not a name';
  return typeof version === 'string' && /^v\d{1,9}$/.test(version)
    ? undefined
    : 'version is not one such as v2';
}

/** As Postgres takes it: it knows fewer offsets than there can be, and no 31 February. */
function readWord(sent: CampaignWord): CampaignWord {
  return sent.action === 'HOLD' ? { ...sent, until: new Date(sent.until ?? '').toISOString() } : sent;
}

/** A moment of this century or the next, on a day that there is. */
function isTime(value: unknown): boolean {
  if (typeof value !== 'string' || !RFC_3339.test(value) || Number.isNaN(Date.parse(value))) return false;
  const day = value.slice(0, 10);
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}
