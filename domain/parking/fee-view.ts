import type { Fee, FeeLine } from './fee.ts';

/** A line as it is answered and kept: times in RFC 3339. */
export interface FeeLineView extends Omit<FeeLine, 'fromMs' | 'toMs'> {
  readonly from: string;
  readonly to: string;
}

/** A fee as it is answered and kept. */
export interface FeeView extends Omit<Fee, 'lines' | 'paidUntilMs'> {
  readonly lines: readonly FeeLineView[];
  readonly paidUntil: string;
}

export function feeView({ lines, paidUntilMs, ...fee }: Fee): FeeView {
  return {
    ...fee,
    lines: lines.map(({ kind, fromMs, toMs, units, amount, why }) => ({
      kind,
      from: rfc3339(fromMs),
      to: rfc3339(toMs),
      units,
      amount,
      why,
    })),
    paidUntil: rfc3339(paidUntilMs),
  };
}

function rfc3339(atMs: number): string {
  return new Date(atMs).toISOString();
}
