import { makeTelemetryFilterString, Runtime, type LogLevel } from '@temporalio/worker';
import type { Logger } from 'pino';

export interface RuntimeSetUp {
  readonly logger: Logger;
  /** Loopback port of the SDK's own Prometheus exporter; none if unset. */
  readonly metricsPort: number | undefined;
  /** Signals that stop the workers of this process. Default: the SDK's own. */
  readonly shutdownSignals?: NodeJS.Signals[];
}

/** The SDK's core, once a process and before any connection: logs through `logger`, metrics on a port. */
export function installRuntime({ logger, metricsPort, shutdownSignals }: RuntimeSetUp): void {
  Runtime.install({
    ...(shutdownSignals === undefined ? {} : { shutdownSignals }),
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
      ...(metricsPort === undefined
        ? {}
        : { metrics: { prometheus: { bindAddress: `127.0.0.1:${metricsPort}` } } }),
    },
  });
}

function pinoLevel(level: LogLevel): 'trace' | 'debug' | 'info' | 'warn' | 'error' {
  return level.toLowerCase() as 'trace' | 'debug' | 'info' | 'warn' | 'error';
}
