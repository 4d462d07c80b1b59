import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime } from '@temporalio/worker';
import { createPool } from '../db/pool.ts';
import { readWorkerConfig } from '../workers/config.ts';
import { freeLoopbackPort, startHealthServer } from '../workers/health.ts';
import { ensureSearchAttributes } from '../workers/search-attributes.ts';
import { createBenchWorker } from './worker.ts';

/** The bench's worker in a process of its own, as workers/main.ts is in `npm start`, with the same metrics and pool. */
const config = readWorkerConfig(process.env);
const sdkMetricsPort = await freeLoopbackPort();
Runtime.install({
  logger: new DefaultLogger('WARN'),
  telemetryOptions: {
    logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
    metrics: { prometheus: { bindAddress: `127.0.0.1:${sdkMetricsPort}` } },
  },
});
const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await NativeConnection.connect(connectionOptions);
const pool = createPool(config.databaseUrl, { name: 'kessai-bench-worker', max: 20 });
try {
  await ensureSearchAttributes(connection, namespace);
  const worker = await createBenchWorker({
    connection,
    namespace,
    taskQueue: config.taskQueue,
    pool,
  });
  if (config.metricsPort !== undefined)
    await startHealthServer(
      config.host,
      config.metricsPort,
      () => worker.getState() === 'RUNNING',
      sdkMetricsPort,
    );
  await worker.run();
} finally {
  await pool.end();
  await connection.close();
}
process.exit(0);
