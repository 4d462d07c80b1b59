import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { workflowBundle } from './bundle.ts';
import { createTillWorker, type KessaiWorkerOptions } from './worker.ts';

const TRY_AGAIN_MS = 5_000;

export interface TillWorkerOptions extends Omit<KessaiWorkerOptions, 'connection' | 'workflowBundle'> {
  readonly connect: () => Promise<NativeConnection>;
  readonly log: Logger;
}

/** The worker beside the API, as long as the API lives. */
export interface TillWorker {
  /** A client on its connection while it runs; undefined while it does not, as when Temporal is away. */
  readonly client: () => Client | undefined;
  /** Resolves when it has completed what it began. */
  stop(): Promise<void>;
}

/**
 * Keeps a till worker running in the background: the API serves without it, so a Temporal that is away or a worker that
 * failed is tried again and ends nothing.
 */
export function keepTillWorker({ connect, log, ...options }: TillWorkerOptions): TillWorker {
  const stopping = new AbortController();
  let client: Client | undefined;
  let running: Promise<void> | undefined;

  async function runOnce(): Promise<void> {
    const connection = await connect();
    try {
      const worker = await createTillWorker({
        ...options,
        connection,
        workflowBundle: await workflowBundle(),
      });
      running = worker.run();
      const shutdown = (): void => {
        client = undefined;
        if (worker.getState() === 'RUNNING') worker.shutdown();
      };
      stopping.signal.addEventListener('abort', shutdown);
      if (stopping.signal.aborted) shutdown();
      else client = new Client({ connection, namespace: options.namespace });
      await running;
    } finally {
      client = undefined;
      await connection.close();
    }
  }

  void (async () => {
    while (!stopping.signal.aborted) {
      await runOnce().catch((error: unknown) => {
        log.warn({ err: error }, 'no worker for payments in this process: others decide them');
      });
      await delay(TRY_AGAIN_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  })();
  return {
    client: () => client,
    async stop() {
      stopping.abort();
      await running?.catch(() => undefined);
    },
  };
}
