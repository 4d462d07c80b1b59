import { defineSignal } from '@temporalio/workflow';

export interface DunningInput {
  readonly issuerId: string;
  readonly debtId: string;
  /** A run of more events than this goes on as a new one, beside the server's own suggestion. */
  readonly maxEvents?: number;
}

/** Something about the debt has changed. Postgres has it already; this wakes the one who waits. */
export const debtChanged = defineSignal('debtChanged');

/** The user was told of the debt with a payment, shortly before the next message would come. Postgres has it already. */
export const paymentCompleted = defineSignal('paymentCompleted');

/** An operator's word on a campaign. `until` is RFC 3339 and belongs to HOLD. */
export interface CampaignWord {
  readonly operator: string;
  readonly action: 'HOLD' | 'RELEASE' | 'STOP';
  readonly reason: string;
  readonly until?: string;
}
export const operateCampaign = defineSignal<[CampaignWord]>('operateCampaign');

/** The issuer's rules have changed, and this campaign is to go on under another version of them. */
export interface PolicyWord {
  readonly version: string;
  /** Who wants it: an operator's name, or `issuer`. */
  readonly operator: string;
}
export const changePolicy = defineSignal<[PolicyWord]>('changePolicy');

/** Brings a version of an issuer's rules to its running campaigns, those behind `after` in the order of their ids. */
export interface PolicyChangeInput {
  readonly issuerId: string;
  readonly version: string;
  readonly after: string;
}

/** One workflow per issuer: what is applied later takes the place of what is being applied. */
export function policyChangeWorkflowId(issuerId: string): string {
  return `dunning-policy:${issuerId}`;
}

/** One workflow per debt of an issuer. */
export function dunningWorkflowId(issuerId: string, debtId: string): string {
  return `dunning:${issuerId}:${debtId}`;
}

/** `DunningStage` before the first message. */
export const NOT_CONTACTED = 'NOT_CONTACTED';
