import { describeMoney } from '../../domain/money.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import type { PaymentInput } from './contract.ts';

/** What Temporal Web UI shows of a payment, as markdown: no code, no payer. */
export function paymentDetails(input: PaymentInput, view: PaymentView): string {
  const rows: [string, string | undefined][] = [
    ['declined because', view.declineCode],
    ['merchant', input.merchantId],
    ['store, terminal', `${input.storeId}, ${input.terminalId}`],
    ["merchant's payment id", input.merchantPaymentId],
    ['payment id', view.paymentId],
    ['code', input.codeMode.toLowerCase()],
    ['lines', input.items === undefined ? undefined : String(input.items.length)],
    ['decided', view.decidedAt],
  ];
  const table = rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `| ${name} | ${String(value)} |`);
  return [`### ${describeMoney(input)}: **${view.status}**`, '', '| | |', '|---|---|', ...table].join('\n');
}
