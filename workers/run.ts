import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import type { ActivityDeps } from '../activities/index.ts';
import { createCodeDigester } from '../db/code-digest.ts';
import { createPool } from '../db/pool.ts';
import { createSealer } from '../db/sealed.ts';
import { workflowBundle } from './bundle.ts';
import { readWorkerConfig } from './config.ts';
import { freeLoopbackPort, startHealthServer } from './health.ts';
import { installRuntime } from './runtime.ts';
import { ensureSearchAttributes } from './search-attributes.ts';
import { ensureSchedules } from './schedules.ts';
import { reason, StartProblem } from '../api/start-problem.ts';
import { createWorkers, type KessaiWorkers } from './worker.ts';

/**
 * The workers of one process, until it is told to stop.
 *
 * @param others activities' dependencies in place of the real ones, for tests
 */
export async function runWorker(env: NodeJS.ProcessEnv, others: Partial<ActivityDeps> = {}): Promise<void> {
  const config = readWorkerConfig(env);
  const logger = pino({ name: 'worker', level: config.logLevel });
  let workers: KessaiWorkers | undefined;
  const sdkMetricsPort = config.metricsPort === undefined ? undefined : await freeLoopbackPort();
  if (config.metricsPort !== undefined && sdkMetricsPort !== undefined) {
    const isReady = (): boolean => workers?.isRunning() === true;
    await startHealthServer(config.host, config.metricsPort, isReady, sdkMetricsPort);
  }
  installRuntime({ logger, metricsPort: sdkMetricsPort });

  const { connection, namespace } = await connect();
  const pool = createPool(config.databaseUrl, { name: 'kessai-worker', max: 20 });
  await ensureSearchAttributes(connection, namespace)
    .then((added) => {
      if (added.length > 0) logger.info({ added }, 'search attributes registered');
    })
    .catch((error: unknown) => {
      logger.warn(
        { err: error },
        'search attributes could not be checked: register them by hand (docs/operators.md)',
      );
    });
  workers = await createWorkers({
    connection,
    namespace,
    taskQueue: config.taskQueue,
    workflowBundle: await workflowBundle(),
    deps: {
      pool,
      sealer: createSealer(config.dataKey, config.dataKeysOld),
      digestCode: createCodeDigester(config.codePepper, config.codePeppersOld),
      codePrefix: config.codePrefix,
      push: config.push,
      ...others,
    },
    buildId: config.buildId,
  }).catch((error: unknown) => {
    if (!(error instanceof Error) || error.name !== 'TransportError') throw error;
    throw new StartProblem(
      'worker',
      `Temporal's namespace ${namespace} cannot be used (${reason(error)}); make it, or set TEMPORAL_NAMESPACE`,
    );
  });
  await ensureSchedules(connection, namespace, config.taskQueue)
    .then((done) => {
      logger.info({ done }, 'nightly reconciliation is scheduled');
    })
    .catch((error: unknown) => {
      logger.warn(
        { err: error },
        'the nightly reconciliation could not be scheduled: run it by hand (docs/reconciliation.md)',
      );
    });
  logger.info({ namespace, taskQueue: config.taskQueue }, 'worker polls');
  await workers.run();
  logger.info('worker stopped');
  await pool.end();
  await connection.close();
}

async function connect(): Promise<{ connection: NativeConnection; namespace: string }> {
  const { connectionOptions, namespace = 'default' } = readTemporalConfig();
  try {
    return { connection: await NativeConnection.connect(connectionOptions), namespace };
  } catch (error) {
    const address = connectionOptions.address ?? 'localhost:7233';
    throw new StartProblem(
      'worker',
      `Temporal at ${address} cannot be reached (${reason(error)}); start it, or set TEMPORAL_ADDRESS`,
    );
  }
}

function readTemporalConfig(): ReturnType<typeof loadClientConnectConfig> {
  try {
    return loadClientConnectConfig();
  } catch (error) {
    throw new StartProblem(
      'worker',
      `the settings of Temporal (TEMPORAL_*) cannot be used (${reason(error)})`,
    );
  }
}
