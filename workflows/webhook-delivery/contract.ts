import { defineSignal } from '@temporalio/workflow';

export interface WebhookDeliveryInput {
  readonly eventId: string;
}

export type WebhookDeliveryOutcome = 'DELIVERED' | 'FAILED' | 'NO_ENDPOINT';

/** Does not wait for the back-off: tries now. Replaying an event is this signal, with a start if the workflow is over. */
export const deliverNow = defineSignal('deliverNow');

export function webhookWorkflowId(eventId: string): string {
  return `webhook:${eventId}`;
}
