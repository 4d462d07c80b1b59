import type { DunningFacts } from './next-contact.ts';
import type { PromiseProtection } from './promise.ts';

/** States of a debt as the API shows them; the last three are ends. */
export const DEBT_STATES = [
  'SCHEDULED',
  'CONTACTED',
  'ON_HOLD',
  'PROMISED',
  'REPAYING',
  'SETTLED',
  'WITHDRAWN',
  'EXHAUSTED',
] as const;
export type DebtState = (typeof DEBT_STATES)[number];
export const DEBT_OUTCOMES = ['SETTLED', 'WITHDRAWN', 'EXHAUSTED'] as const;
export type DebtOutcome = (typeof DEBT_OUTCOMES)[number];

export const MESSAGE_SIGNALS = ['OPENED', 'UNOPENED', 'NO_SIGNAL'] as const;
export const MESSAGE_EVENT_TYPES = ['DISPLAYED', 'OPENED', 'DISMISSED'] as const;
export type MessageEventType = (typeof MESSAGE_EVENT_TYPES)[number];

/** What an issuer registers. Amounts are minor units; zero settles. */
export interface DebtOrder {
  readonly userId: string;
  readonly amount: number;
  readonly currency: string;
  /** `YYYY-MM-DD`, in the user's zone. */
  readonly dueOn: string;
  /** Rises with each amendment: a lower one is old news. */
  readonly revision: number;
}

/** A debt as issuers and devices see it; Postgres' `debt_view` makes it. */
export interface DebtView extends DebtOrder {
  readonly debtId: string;
  readonly state: DebtState;
  readonly remainingAmount: number;
  readonly policyVersion: string;
  readonly contacts: readonly {
    readonly messageId: string;
    readonly sentAt: string;
    readonly channel: 'PUSH' | 'INBOX';
    readonly stage: number;
    readonly displayedAt?: string;
    readonly openedAt?: string;
    readonly signal: (typeof MESSAGE_SIGNALS)[number];
  }[];
  readonly deferrals: readonly { readonly reason: string; readonly until: string }[];
  readonly hold?: { readonly reason: string; readonly until: string };
  readonly promise?: {
    readonly payOn?: string;
    readonly paymentsStopped: boolean;
    readonly promisedAt: string;
  };
  /** Payments with which the user was told of it. */
  readonly paymentNotices?: { readonly count: number; readonly lastAt: string };
  readonly nextContact?: { readonly at: string; readonly reason: string };
  readonly noSignal?: true;
  readonly closedAt?: string;
  readonly outcome?: DebtOutcome;
}

/** Where an open debt stands: what holds reminders off comes before whether there have been any. */
export function debtState(
  facts: DunningFacts,
  promise: PromiseProtection | undefined,
  nowMs: number,
): DebtState {
  if ((facts.repayingUntilMs ?? -Infinity) > nowMs) return 'REPAYING';
  if ((facts.holdUntilMs ?? -Infinity) > nowMs) return 'ON_HOLD';
  if (promise?.protects === true) return 'PROMISED';
  return facts.sentMs.length > 0 ? 'CONTACTED' : 'SCHEDULED';
}
