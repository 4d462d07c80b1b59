import express, { type Express } from 'express';
import type { Pool } from '../shared/database.ts';
import { createFaults } from '../shared/faults.ts';
import { createErrorHandler, unknownPath } from '../shared/problem.ts';
import { signatures } from '../shared/signature.ts';
import { staffRoutes } from '../shared/staff-routes.ts';
import { adminRoutes } from './admin-routes.ts';
import { debtEventRoutes } from './debt-events.ts';
import { SCHEMA } from './migrate.ts';
import { operationRoutes } from './operation-routes.ts';
import { faultBody, type IssuerFault } from './schemas.ts';

export interface IssuerOptions {
  readonly pool: Pool;
  readonly adminKey: string;
  /** Whether `PUT /v1/faults` can make this server go wrong. */
  readonly withFaults: boolean;
  readonly onError: (error: unknown) => void;
}

/** A pay-later issuer as docs/partner-issuer.md asks for: reference and test partner, not a bank. */
export function createIssuerApp({ pool, adminKey, withFaults, onError }: IssuerOptions): Express {
  const faults = createFaults<IssuerFault>();
  const signed = signatures(pool, SCHEMA);
  const app = express();
  app.disable('x-powered-by');
  app.get('/readyz', async (_request, response) => {
    await pool.query('select 1');
    response.json({ ready: true });
  });
  app.use(adminRoutes({ pool, adminKey }));
  app.use(
    staffRoutes({
      adminKey,
      signatures: signed,
      faults: withFaults ? { switches: faults, schema: faultBody } : undefined,
    }),
  );
  // The body as it came: that is what is signed.
  app.use(express.raw({ type: () => true, limit: '64kb' }));
  app.use(operationRoutes(pool, signed, faults));
  app.use(debtEventRoutes(pool, signed));
  app.use(unknownPath);
  app.use(createErrorHandler(onError));
  return app;
}
