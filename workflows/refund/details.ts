import { describeMoney } from '../../domain/money.ts';
import type { RefundView } from '../../domain/refund/refund.ts';

/**
 * What Temporal Web UI shows of a refund, as markdown: no payer.
 *
 * @param how how it ended, where somebody else had a say
 */
export function refundDetails(view: RefundView, how?: string): string {
  const failed = view.failCode === undefined ? '' : `| failed because | ${view.failCode} |\n`;
  return `### Refund of ${describeMoney(view)}: **${view.status}**

| | |
|---|---|
${failed}| merchant | ${view.merchantId} |
| merchant's refund id | ${view.merchantRefundId} |
| merchant's payment id | ${view.merchantPaymentId} |
| refund id | ${view.refundId} |
| payment id | ${view.paymentId} |
| decided | ${view.decidedAt ?? ''} |${how === undefined ? '' : `\n| how | ${how} |`}`;
}
