import type { PaymentActivityDeps } from './payment.ts';
import { createPaymentActivities } from './payment.ts';
import { createWebhookActivities, type WebhookActivityDeps } from './webhook.ts';

export type ActivityDeps = PaymentActivityDeps & WebhookActivityDeps;

/** All activities of the worker. */
export function createActivities(deps: ActivityDeps) {
  return { ...createPaymentActivities(deps), ...createWebhookActivities(deps) };
}
