import express, { type Express } from 'express';
import type { Pool } from '../shared/database.ts';
import { createFaults } from '../shared/faults.ts';
import { createErrorHandler, unknownPath } from '../shared/problem.ts';
import { signatures } from '../shared/signature.ts';
import { staffRoutes } from '../shared/staff-routes.ts';
import { kessaiRoutes } from './kessai-routes.ts';
import { SCHEMA } from './migrate.ts';
import { pageRoutes } from './page-routes.ts';
import { faultBody, type ParkingFault } from './schemas.ts';
import { ownRoutes } from './staff-routes.ts';

export interface ParkingOperatorOptions {
  readonly pool: Pool;
  readonly adminKey: string;
  /** Whether `PUT /v1/faults` can make this server go wrong. */
  readonly withFaults: boolean;
  readonly onError: (error: unknown) => void;
  /** What the time is; the system's if unset. */
  readonly clock?: () => Date;
}

/** The management server of a parking operator as docs/partner-parking-operator.md asks for, with its places to play with. */
export function createParkingOperatorApp(it: ParkingOperatorOptions): Express {
  const { pool, adminKey, withFaults, onError, clock = () => new Date() } = it;
  const faults = createFaults<ParkingFault>();
  const signed = signatures(pool, SCHEMA);
  const app = express();
  app.disable('x-powered-by');
  app.get('/readyz', async (_request, response) => {
    await pool.query('select 1');
    response.json({ ready: true });
  });
  app.use(pageRoutes({ pool, clock, onError }));
  app.use(ownRoutes({ pool, adminKey, clock }));
  app.use(
    staffRoutes({
      adminKey,
      signatures: signed,
      faults: withFaults ? { switches: faults, schema: faultBody } : undefined,
    }),
  );
  // The body as it came: that is what is signed.
  app.use(express.raw({ type: () => true, limit: '64kb' }));
  app.use(kessaiRoutes({ pool, signatures: signed, faults, clock }));
  app.use(unknownPath);
  app.use(createErrorHandler(onError));
  return app;
}
