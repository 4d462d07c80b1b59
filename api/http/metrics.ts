import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Pool } from '../../db/pool.ts';

export interface Metrics {
  /** Times every request by route and status. */
  readonly observe: RequestHandler;
  /** `GET /metrics` in Prometheus' text format. */
  readonly expose: RequestHandler;
}

/** The figures of this process; each app has its own registry. */
export function createMetrics(pool: Pool, openStreams: () => number): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'kessai_http_request_duration_seconds',
    help: 'Time from request to answer.',
    labelNames: ['route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  new Gauge({
    name: 'kessai_event_streams',
    help: 'Open server-sent event streams.',
    registers: [registry],
    collect() {
      this.set(openStreams());
    },
  });
  new Gauge({
    name: 'kessai_pg_connections',
    help: 'Connections of the pool, and requests that wait for one.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'idle' }, pool.idleCount);
      this.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
      this.set({ state: 'waiting' }, pool.waitingCount);
    },
  });

  return {
    observe(_request, response, next) {
      const end = duration.startTimer();
      response.once('finish', () => {
        // Unknown paths share one label, so that a scanner cannot grow the registry.
        const route = (response.locals.route as string | undefined) ?? 'other';
        end({ route, status: String(response.statusCode) });
      });
      next();
    },
    async expose(_request, response) {
      response.type(registry.contentType).send(await registry.metrics());
    },
  };
}
