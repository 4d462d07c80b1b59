import { describeMoney } from '../../domain/money.ts';
import type { RepaymentView } from '../../domain/repayment/repayment.ts';

/** What Temporal Web UI shows of a repayment, as markdown: not whose it is. */
export function repaymentDetails(issuerId: string, view: RepaymentView, how?: string): string {
  const failed = view.failCode === undefined ? '' : `| failed because | ${view.failCode} |\n`;
  return `### Repayment of ${describeMoney(view)}: **${view.status}**

| | |
|---|---|
${failed}| issuer, debt | ${issuerId}, ${view.debtId} |
| repayment id | ${view.repaymentId} |
| decided | ${view.decidedAt ?? ''} |${how === undefined ? '' : `\n| how | ${how} |`}`;
}
