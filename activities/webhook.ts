import { ApplicationFailure, Context } from '@temporalio/activity';
import { Webhook } from 'standardwebhooks';
import type { Pool } from '../db/pool.ts';
import type { Sealer } from '../db/sealed.ts';
import {
  failWebhookEvent,
  findWebhookDelivery,
  recordWebhookAttempt,
  type WebhookDelivery,
} from '../db/webhook.ts';
import { WEBHOOK_RETRY, webhookRetryDelayMs } from '../domain/webhook/retry.ts';
import { post, type PostReply } from './post.ts';

export interface WebhookActivityDeps {
  readonly pool: Pool;
  readonly sealer: Sealer;
}

const POST_TIMEOUT_MS = 15_000;

/** Delivery of events to merchants and issuers, signed after the Standard Webhooks specification. */
export function createWebhookActivities({ pool, sealer }: WebhookActivityDeps) {
  return {
    /**
     * One try. The body is sent as it was at the event; endpoint and secrets are today's.
     * @throws ApplicationFailure `WebhookNotAccepted` with the delay until the next try, or final when there is none
     */
    async deliverWebhook(eventId: string): Promise<'DELIVERED' | 'NO_ENDPOINT'> {
      const delivery = await findWebhookDelivery(pool, eventId);
      if (delivery === undefined) {
        throw ApplicationFailure.create({
          type: 'WebhookUnknown',
          nonRetryable: true,
          message: `no event ${eventId}`,
        });
      }
      if (delivery.url === null) {
        await failWebhookEvent(pool, eventId);
        return 'NO_ENDPOINT';
      }
      if (delivery.sealedSecrets.length === 0) throw new Error('the receiver has no signing secret yet');
      const startedAt = new Date();
      const reply = await post(delivery.url, delivery.body, headersOf(delivery, startedAt), POST_TIMEOUT_MS);
      const accepted = reply.statusCode !== undefined && reply.statusCode >= 200 && reply.statusCode < 300;
      await recordWebhookAttempt(
        pool,
        eventId,
        {
          url: delivery.url,
          startedAt,
          durationMs: Date.now() - startedAt.getTime(),
          statusCode: reply.statusCode,
          error: reply.error,
        },
        accepted,
      );
      if (accepted) return 'DELIVERED';
      throw notAccepted(reply);
    },

    /** Marks the event as given up; a replay opens it again. */
    async giveUpWebhook(eventId: string): Promise<void> {
      await failWebhookEvent(pool, eventId);
    },
  };

  function headersOf(delivery: WebhookDelivery, at: Date): Record<string, string> {
    const signatures = delivery.sealedSecrets.map(({ secretId, sealed }) =>
      new Webhook(sealer.open(sealed, secretId).toString()).sign(delivery.eventId, at, delivery.body),
    );
    return {
      'content-type': 'application/json',
      'user-agent': 'kessai-webhooks/1',
      'webhook-id': delivery.eventId,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': signatures.join(' '),
      'kessai-event-type': delivery.type,
    };
  }
}

/** Temporal retries; the rule in domain/webhook says when, and when no more. */
function notAccepted(reply: PostReply): ApplicationFailure {
  const { attempt, scheduledTimestampMs, currentAttemptScheduledTimestampMs } = Context.current().info;
  const delayMs = webhookRetryDelayMs(WEBHOOK_RETRY, {
    triesDone: attempt,
    sinceFirstMs: currentAttemptScheduledTimestampMs - scheduledTimestampMs,
    random: Math.random(),
    retryAfterMs: reply.retryAfterMs,
  });
  return ApplicationFailure.create({
    type: 'WebhookNotAccepted',
    message: reply.error ?? `answered ${reply.statusCode ?? 'nothing'}`,
    ...(delayMs === undefined ? { nonRetryable: true } : { nextRetryDelay: delayMs }),
  });
}
