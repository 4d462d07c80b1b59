import { setTimeout as delay } from 'node:timers/promises';
import { Runtime } from '@temporalio/worker';
import type { StartPush } from '../activities/push-start.ts';
import type { Pool } from '../db/pool.ts';
import { listPushesDue } from '../db/push.ts';
import { listReceiptsDue } from '../db/receipt.ts';

const LOOK_EVERY_MS = 1_000;
const AT_ONCE = 100;

export interface OutboxDeps {
  readonly pool: Pool;
  readonly startPush: StartPush;
  readonly writeReceipt: (paymentId: string) => Promise<void>;
}

/**
 * Does what Postgres has and Temporal does not know of yet: writes the receipts of offline payments and starts the pushes of messages
 * that no workflow begins, as it would cost a payment's history or whoever was to start them is gone. Any number of processes may look: a message has one workflow.
 */
export function keepOutbox(deps: OutboxDeps): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await sweep(deps).catch((error: unknown) => {
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

async function sweep({ pool, startPush, writeReceipt }: OutboxDeps): Promise<void> {
  for (const paymentId of await listReceiptsDue(pool, AT_ONCE)) await writeReceipt(paymentId);
  for (const messageId of await listPushesDue(pool, AT_ONCE)) await startPush(messageId);
}
