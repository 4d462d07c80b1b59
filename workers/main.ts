import { loadClientConnectConfig } from '@temporalio/envconfig';
import { makeTelemetryFilterString, NativeConnection, Runtime, type LogLevel } from '@temporalio/worker';
import { pino } from 'pino';
import { createPool } from '../db/pool.ts';
import { createSealer } from '../db/sealed.ts';
import { workflowBundle } from './bundle.ts';
import { readWorkerConfig } from './config.ts';
import { freeLoopbackPort, startHealthServer } from './health.ts';
import { ensureSearchAttributes } from './search-attributes.ts';
import { createWorkers } from './worker.ts';

const config = readWorkerConfig(process.env);
const logger = pino({ name: 'worker', level: config.logLevel });
const sdkMetricsPort = await freeLoopbackPort();

Runtime.install({
  logger: {
    log: (level, message, meta) => {
      logger[pinoLevel(level)](meta ?? {}, message);
    },
    trace: (message, meta) => {
      logger.trace(meta ?? {}, message);
    },
    debug: (message, meta) => {
      logger.debug(meta ?? {}, message);
    },
    info: (message, meta) => {
      logger.info(meta ?? {}, message);
    },
    warn: (message, meta) => {
      logger.warn(meta ?? {}, message);
    },
    error: (message, meta) => {
      logger.error(meta ?? {}, message);
    },
  },
  telemetryOptions: {
    logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
    ...(config.metricsPort === undefined
      ? {}
      : { metrics: { prometheus: { bindAddress: `127.0.0.1:${sdkMetricsPort}` } } }),
  },
});

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await NativeConnection.connect(connectionOptions);
const pool = createPool(config.databaseUrl, { name: 'kessai-worker', max: 20 });
try {
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
  const workers = await createWorkers({
    connection,
    namespace,
    taskQueue: config.taskQueue,
    workflowBundle: await workflowBundle(),
    deps: { pool, sealer: createSealer(config.dataKey) },
    buildId: config.buildId,
  });
  if (config.metricsPort !== undefined) {
    await startHealthServer(config.host, config.metricsPort, workers.isRunning, sdkMetricsPort);
  }
  logger.info({ namespace, taskQueue: config.taskQueue }, 'worker polls');
  await workers.run();
  logger.info('worker stopped');
} finally {
  await pool.end();
  await connection.close();
}
process.exit(0);

function pinoLevel(level: LogLevel): 'trace' | 'debug' | 'info' | 'warn' | 'error' {
  return level.toLowerCase() as 'trace' | 'debug' | 'info' | 'warn' | 'error';
}
