import { defineSignal } from '@temporalio/workflow';

export interface DunningInput {
  readonly issuerId: string;
  readonly debtId: string;
  /** A run of more events than this goes on as a new one, beside the server's own suggestion. */
  readonly maxEvents?: number;
}

/** Something about the debt has changed. Postgres has it already; this wakes the one who waits. */
export const debtChanged = defineSignal('debtChanged');

/** An operator's word on a campaign. `until` is RFC 3339 and belongs to HOLD. */
export interface CampaignWord {
  readonly operator: string;
  readonly action: 'HOLD' | 'RELEASE' | 'STOP';
  readonly reason: string;
  readonly until?: string;
}
export const operateCampaign = defineSignal<[CampaignWord]>('operateCampaign');

/** One workflow per debt of an issuer. */
export function dunningWorkflowId(issuerId: string, debtId: string): string {
  return `dunning:${issuerId}:${debtId}`;
}

/** `DunningStage` before the first message. */
export const NOT_CONTACTED = 'NOT_CONTACTED';
