import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import type { ActivityDeps } from '../activities/index.ts';
import { createOperatorCaller } from '../activities/operator-call.ts';
import { readApiConfig } from '../api/config.ts';
import { createDecisions } from '../api/decisions.ts';
import { serveApi } from '../api/serve.ts';
import { createCodeDigester } from '../db/code-digest.ts';
import { createPool } from '../db/pool.ts';
import { createSealer } from '../db/sealed.ts';
import { freeLoopbackPort, sdkMetrics } from './health.ts';
import { installRuntime } from './runtime.ts';
import { keepTillWorker } from './till-worker.ts';

/**
 * The HTTP edge and, in the same process, a worker for the payments that it starts (docs/adr/0007). Wired here as api/ knows no
 * activities.
 *
 * @param others activities' dependencies in place of the real ones, for tests
 */
export async function runApi(env: NodeJS.ProcessEnv, others: Partial<ActivityDeps> = {}): Promise<void> {
  const config = readApiConfig(env);
  const log = pino({ name: 'api', level: config.LOG_LEVEL });
  const metricsPort = await freeLoopbackPort();
  // The API says when its worker stops: after the last request.
  installRuntime({ logger: log, metricsPort, shutdownSignals: [] });
  const decisions = createDecisions();

  await serveApi(config, log, ({ connectionOptions, namespace }) => {
    // A pool of its own: payments that wait for their payer's row keep no request from being looked up.
    const pool = createPool(config.DATABASE_URL, { name: 'kessai-api-worker', max: 20 });
    const sealer = createSealer(config.KESSAI_DATA_KEY, config.KESSAI_DATA_KEYS_OLD);
    const worker = keepTillWorker({
      connect: () => NativeConnection.connect(connectionOptions),
      namespace,
      taskQueue: config.KESSAI_TASK_QUEUE,
      deps: {
        pool,
        sealer,
        digestCode: createCodeDigester(config.KESSAI_CODE_PEPPER, config.KESSAI_CODE_PEPPERS_OLD),
        codePrefix: config.CODE_PREFIX,
        tellDecision: decisions.tell,
        ...others,
      },
      buildId: config.KESSAI_BUILD_ID,
      log,
    });
    return {
      eager: { client: worker.client, decisions },
      callOperator: createOperatorCaller({ pool, sealer }),
      metrics: () => sdkMetrics(metricsPort),
      async stop() {
        await worker.stop();
        await pool.end();
      },
    };
  });
}
