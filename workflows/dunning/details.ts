import type { CampaignStep } from '../../activities/dunning.ts';
import { HOLD_EXAMPLE, type CampaignWords } from './operator.ts';

/** What Temporal Web UI shows of a campaign, as markdown: neither the user nor the amount. */
export function dunningDetails(
  it: { issuerId: string; debtId: string },
  step: CampaignStep,
  { refused }: CampaignWords,
): string {
  const { next } = step;
  const moves = next?.deferrals.map((move) => `${move.reason} until ${move.until}`).join(', ') ?? '';
  const nextLine =
    next === undefined
      ? ''
      : `| next | ${next.kind === 'EXHAUSTED' ? 'gives up' : 'contact'} ${next.at} (${next.reason}) |
| moved by | ${moves === '' ? 'nothing' : moves} |
`;
  const promise =
    step.promiseEnd === undefined ? '' : `| promise | does not hold off: ${step.promiseEnd} |\n`;
  const howTo =
    next === undefined
      ? ''
      : `
Send Signal \`operateCampaign\` with JSON, \`action\` \`HOLD\` (with \`until\`), \`RELEASE\` or \`STOP\`:

\`\`\`json
${HOLD_EXAMPLE}
\`\`\`
${refused.map((why) => `\n- not obeyed: ${why}`).join('')}`;
  return `### Dunning: **${step.state}**

| | |
|---|---|
| issuer, debt | ${it.issuerId}, ${it.debtId} |
| due on | ${step.dueOn} |
| contacts | ${step.contacts} |
| stage | ${step.stage ?? 'none yet'} |
${nextLine}${promise}${howTo}`;
}
