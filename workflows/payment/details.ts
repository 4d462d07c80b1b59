import { describeMoney } from '../../domain/money.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import type { PaymentInput } from './contract.ts';

/** What Temporal Web UI shows of a payment, as markdown: no code, no payer. Written plainly: a till waits for it. */
export function paymentDetails(input: PaymentInput, view: PaymentView): string {
  const declined = view.declineCode === undefined ? '' : `| declined because | ${view.declineCode} |\n`;
  return `### ${describeMoney(view)}: **${view.status}**

| | |
|---|---|
${declined}| merchant | ${view.merchantId} |
| store, terminal | ${input.storeId}, ${input.terminalId} |
| merchant's payment id | ${view.merchantPaymentId} |
| payment id | ${view.paymentId} |
| code | ${input.codeMode} |
| lines | ${input.items?.length ?? 0} |
| decided | ${view.decidedAt ?? ''} |`;
}
