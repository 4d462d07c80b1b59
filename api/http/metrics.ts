import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Pool } from '../../db/pool.ts';
import type { EagerStarts } from '../workflow-start.ts';

export interface Metrics {
  /** Times every request by route and status. */
  readonly observe: RequestHandler;
  /** `GET /metrics` in Prometheus' text format. */
  readonly expose: RequestHandler;
}

export interface MoreMetrics {
  readonly eager?: EagerStarts | undefined;
  /** What else this process has to tell, in the same format. */
  readonly more?: (() => Promise<string>) | undefined;
}

/** The figures of this process; each app has its own registry. */
export function createMetrics(pool: Pool, openStreams: () => number, { eager, more }: MoreMetrics): Metrics {
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

  if (eager !== undefined) observeEagerStarts(registry, eager);

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
      const others = await more?.().catch(() => '');
      response.type(registry.contentType).send((await registry.metrics()) + (others ?? ''));
    },
  };
}

/** Whether payments are decided in this process, and how often they were (docs/adr/0007). */
function observeEagerStarts(registry: Registry, { client, decisions }: EagerStarts): void {
  new Gauge({
    name: 'kessai_till_worker_running',
    help: '1 while a worker for payments runs in this process.',
    registers: [registry],
    collect() {
      this.set(client() === undefined ? 0 : 1);
    },
  });
  new Gauge({
    name: 'kessai_decisions_awaited',
    help: 'Requests that wait for a decision of this process.',
    registers: [registry],
    collect() {
      this.set(decisions.count());
    },
  });
  new Counter({
    name: 'kessai_eager_starts_total',
    help: 'Workflows started eagerly, by what came of it in this process.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(decisions.tally())) this.inc({ outcome }, count);
    },
  });
}
