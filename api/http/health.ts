import type { Client } from '@temporalio/client';
import { Router } from 'express';
import type { Logger } from 'pino';
import type { Pool } from '../../db/pool.ts';

const CHECK_MS = 2_000;

/** `/healthz`: the process is up. `/readyz`: Postgres and Temporal answer. */
export function healthRouter({ pool, temporal, log }: { pool: Pool; temporal: Client; log: Logger }): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'up' });
  });
  router.get('/readyz', async (_request, response) => {
    const [postgres, temporalState] = await Promise.all([
      state('postgres', () => pool.query('select 1')),
      state('temporal', () =>
        temporal.withDeadline(Date.now() + CHECK_MS, () =>
          temporal.workflowService.describeNamespace({ namespace: temporal.options.namespace }),
        ),
      ),
    ]);
    const isReady = postgres === 'up' && temporalState === 'up';
    response
      .status(isReady ? 200 : 503)
      .json({ status: isReady ? 'ready' : 'unready', postgres, temporal: temporalState });
  });
  return router;

  async function state(name: string, check: () => Promise<unknown>): Promise<'up' | 'down'> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no answer within ${CHECK_MS} ms`));
      }, CHECK_MS);
    });
    try {
      await Promise.race([check(), late]);
      return 'up';
    } catch (error) {
      log.warn({ err: error, dependency: name }, 'dependency is down');
      return 'down';
    } finally {
      clearTimeout(timer);
    }
  }
}
