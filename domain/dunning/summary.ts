/**
 * How long before a message the one before it went out: what its receiver has felt of the cadence. FIRST has none before it; the
 * default policy has pauses of 12, 18, 36, 72 and, after one that was opened, 120 hours.
 */
export const CADENCES = ['FIRST', 'TO_24H', 'TO_48H', 'TO_96H', 'OVER_96H'] as const;
export type Cadence = (typeof CADENCES)[number];

/** How campaigns that share a version of a policy have gone. Shares are from 0 to 1, null of nothing; hours are medians. */
export interface PolicySummary {
  readonly policyVersion: string;
  readonly debts: {
    readonly registered: number;
    readonly open: number;
    readonly settled: number;
    readonly withdrawn: number;
    readonly exhausted: number;
  };
  readonly contacts: {
    readonly sent: number;
    readonly displayed: number;
    readonly opened: number;
    readonly openedShare: number | null;
  };
  readonly byStage: readonly StageSummary[];
  /** Booked before the first message. */
  readonly repaymentsBeforeContact: number;
  readonly deferrals: readonly { readonly reason: string; readonly count: number }[];
}

/** Messages of one stage and cadence, and the repayments that came after each and before the next. */
export interface StageSummary {
  /** Counted from 0. */
  readonly stage: number;
  readonly cadence: Cadence;
  readonly sent: number;
  readonly opened: number;
  readonly openedShare: number | null;
  readonly repayments: number;
  readonly medianHoursToRepayment: number | null;
}

export const SUMMARY_COLUMNS = [
  'policyVersion',
  'figure',
  'stage',
  'cadence',
  'reason',
  'count',
  'share',
  'medianHours',
] as const;

type Cell = string | number | null;

/** The same as lines of a table: one figure each. */
export function summaryRows(policies: readonly PolicySummary[]): Cell[][] {
  const row = (
    policyVersion: string,
    figure: string,
    it: {
      stage?: number;
      cadence?: string;
      reason?: string;
      count: number;
      share?: Cell;
      medianHours?: Cell;
    },
  ): Cell[] => [
    policyVersion,
    figure,
    it.stage ?? null,
    it.cadence ?? null,
    it.reason ?? null,
    it.count,
    it.share ?? null,
    it.medianHours ?? null,
  ];
  return policies.flatMap(({ policyVersion: version, debts, contacts, byStage, ...rest }) => [
    ...Object.entries(debts).map(([name, count]) => row(version, `debts.${name}`, { count })),
    row(version, 'contacts.sent', { count: contacts.sent }),
    row(version, 'contacts.displayed', { count: contacts.displayed }),
    row(version, 'contacts.opened', { count: contacts.opened, share: contacts.openedShare }),
    ...byStage.flatMap(({ stage, cadence, ...it }) => [
      row(version, 'stage.sent', { stage, cadence, count: it.sent }),
      row(version, 'stage.opened', { stage, cadence, count: it.opened, share: it.openedShare }),
      row(version, 'stage.repayments', {
        stage,
        cadence,
        count: it.repayments,
        medianHours: it.medianHoursToRepayment,
      }),
    ]),
    row(version, 'repaymentsBeforeContact', { count: rest.repaymentsBeforeContact }),
    ...rest.deferrals.map(({ reason, count }) => row(version, 'deferrals', { reason, count })),
  ]);
}
