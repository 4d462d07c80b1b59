import { setTimeout as delay } from 'node:timers/promises';
import { Runtime } from '@temporalio/worker';
import type { StartPush } from '../activities/push-start.ts';
import type { Pool } from '../db/pool.ts';
import { listCampaignsLost, type DebtKey } from '../db/debt.ts';
import { listNoticesDue, noticeTold } from '../db/debt-notice.ts';
import { listPushesDue } from '../db/push.ts';
import { listReceiptsDue } from '../db/receipt.ts';
import { listWebhooksForgotten, listWebhooksToStart, webhookStarted } from '../db/webhook.ts';

const LOOK_EVERY_MS = 1_000;
/** What was lost altogether, as when a workflow was terminated, is looked for so often. */
const SEARCH_EVERY_MS = 600_000;
const AT_ONCE = 100;

export interface OutboxDeps {
  readonly pool: Pool;
  readonly startPush: StartPush;
  readonly writeReceipt: (paymentId: string) => Promise<void>;
  readonly startWebhook: (eventId: string) => Promise<void>;
  /** Tells a campaign that its user has heard of the debt with a payment. */
  readonly tellOfPayment: (debt: DebtKey) => Promise<void>;
  /** Wakes a campaign, or begins it anew. */
  readonly wakeCampaign: (debt: DebtKey) => Promise<void>;
}

/**
 * Does what Postgres has and Temporal does not know of yet: writes the receipts of offline payments, starts the pushes of messages and
 * the deliveries of events that no workflow begins, and tells campaigns of payments; as it would cost a history or a till, or whoever was
 * to do it is gone. Any number of processes may look: a message and an event have one workflow, and a campaign may hear a thing twice.
 */
export function keepOutbox(deps: OutboxDeps): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let searchedMs = -Infinity;
  const look = async (): Promise<void> => {
    await sweep(deps);
    if (performance.now() - searchedMs < SEARCH_EVERY_MS) return;
    await search(deps);
    searchedMs = performance.now();
  };
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await look().catch((error: unknown) => {
        if (!stopping.signal.aborted)
          Runtime.instance().logger.warn('the outbox could not be emptied; looking again', { error });
      });
      await delay(LOOK_EVERY_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function sweep(deps: OutboxDeps): Promise<void> {
  const { pool } = deps;
  for (const paymentId of await listReceiptsDue(pool, AT_ONCE)) await deps.writeReceipt(paymentId);
  for (const messageId of await listPushesDue(pool, AT_ONCE)) await deps.startPush(messageId);
  for (const eventId of await listWebhooksToStart(pool, AT_ONCE)) {
    await deps.startWebhook(eventId);
    await webhookStarted(pool, eventId);
  }
  for (const { paymentId, ...debt } of await listNoticesDue(pool, AT_ONCE)) {
    await deps.tellOfPayment(debt);
    await noticeTold(pool, paymentId);
  }
}

/** Who terminates a workflow, or dies between Postgres and Temporal, tells nobody. */
async function search({ pool, wakeCampaign, startWebhook }: OutboxDeps): Promise<void> {
  for (const debt of await listCampaignsLost(pool, AT_ONCE)) await wakeCampaign(debt);
  for (const eventId of await listWebhooksForgotten(pool, AT_ONCE)) await startWebhook(eventId);
}
