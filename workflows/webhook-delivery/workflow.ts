import {
  ActivityFailure,
  CancellationScope,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { createWebhookActivities } from '../../activities/webhook.ts';
import { WEBHOOK_RETRY } from '../../domain/webhook/retry.ts';
import { deliverNow, type WebhookDeliveryInput, type WebhookDeliveryOutcome } from './contract.ts';

type Activities = ReturnType<typeof createWebhookActivities>;

/** Temporal retries; each failure says when, or that it was the last, by the rule in domain/webhook. */
const { deliverWebhook } = proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  // The rule ends it before; this ends what fails in another way, such as a secret that cannot be opened.
  scheduleToCloseTimeout: WEBHOOK_RETRY.giveUpAfterMs + WEBHOOK_RETRY.maxDelayMs,
  retry: { maximumInterval: WEBHOOK_RETRY.maxDelayMs },
});

const { giveUpWebhook } = proxyActivities<Activities>({ startToCloseTimeout: '10s' });

/** Brings one event to its owner, for three days if need be, and at once when somebody asks. */
export async function webhookDelivery(input: WebhookDeliveryInput): Promise<WebhookDeliveryOutcome> {
  let askedNow = 0;
  let attempt = new CancellationScope();
  setHandler(
    deliverNow,
    () => {
      askedNow += 1;
      attempt.cancel();
    },
    { description: 'Do not wait for the back-off, deliver now. No input.' },
  );
  setCurrentDetails(
    `Delivering \`${input.eventId}\`. Each try is in \`GET /v1/webhook-events/${input.eventId}\`.`,
  );

  for (;;) {
    const asked = askedNow;
    attempt = new CancellationScope();
    try {
      const outcome = await attempt.run(() => deliverWebhook(input.eventId));
      setCurrentDetails(`\`${input.eventId}\`: **${outcome}**`);
      return outcome;
    } catch (error) {
      if (isCancellation(error) && askedNow !== asked) continue;
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      await giveUpWebhook(input.eventId);
      setCurrentDetails(
        `\`${input.eventId}\`: **FAILED** after three days. Replay: \`npm run webhook:replay -- ${input.eventId}\`` +
          ` (workflow ${workflowInfo().workflowId})`,
      );
      return 'FAILED';
    }
  }
}
