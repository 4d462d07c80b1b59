import express, { type Express } from 'express';
import { adminRoutes } from './admin-routes.ts';
import type { Pool } from './database.ts';
import { createFaults } from './faults.ts';
import { operationRoutes } from './operation-routes.ts';
import { createErrorHandler, unknownPath } from './problem.ts';

export interface IssuerOptions {
  readonly pool: Pool;
  readonly adminKey: string;
  /** Whether `PUT /v1/faults` can make this server go wrong. */
  readonly withFaults: boolean;
  readonly onError: (error: unknown) => void;
}

/** A pay-later issuer as docs/partner-issuer.md asks for: reference and test partner, not a bank. */
export function createIssuerApp({ pool, adminKey, withFaults, onError }: IssuerOptions): Express {
  const faults = createFaults();
  const app = express();
  app.disable('x-powered-by');
  app.get('/readyz', async (_request, response) => {
    await pool.query('select 1');
    response.json({ ready: true });
  });
  app.use(adminRoutes({ pool, adminKey, faults: withFaults ? faults : undefined }));
  // The body as it came: that is what is signed.
  app.use(express.raw({ type: () => true, limit: '64kb' }));
  app.use(operationRoutes(pool, faults));
  app.use(unknownPath);
  app.use(createErrorHandler(onError));
  return app;
}
