import { Router, type Request } from 'express';
import type { z } from 'zod';
import type { Pool } from '../shared/database.ts';
import { answer, type Faults } from '../shared/faults.ts';
import { parse, parseJson } from '../shared/problem.ts';
import { rawBodyOf, type Signatures } from '../shared/signature.ts';
import { cancel, complete } from './completions.ts';
import * as schemas from './schemas.ts';
import { calculateFee } from './settling.ts';

export interface KessaiOptions {
  readonly pool: Pool;
  readonly signatures: Signatures;
  readonly faults: Faults<schemas.ParkingFault>;
  readonly clock: () => Date;
}

/** What Kessai calls: signed, and with the faults that are switched on. */
export function kessaiRoutes({ pool, signatures, faults, clock }: KessaiOptions): Router {
  const router = Router();
  router.post('/v1/fee-calculations', async (request, response) => {
    const { at, ...where } = await read(request, schemas.feeBody);
    await answer(faults, { operation: 'FEE_CALCULATION' }, response, () => calculateFee(pool, where, at));
  });
  router.post('/v1/completions', async (request, response) => {
    const it = await read(request, schemas.completionBody);
    await answer(faults, { operation: 'COMPLETION' }, response, async (fault) => {
      const answersLater = fault === 'ANSWERS_LATER';
      const opensTwice = fault === 'OPENS_TWICE';
      const done = await complete(pool, it, clock(), { opensTwice, answersLater });
      if (!answersLater) return done;
      response.status(202);
      return { settlementId: done.settlementId };
    });
  });
  router.post('/v1/cancellations', async (request, response) => {
    const { settlementId } = await read(request, schemas.cancellationBody);
    await answer(faults, { operation: 'CANCELLATION' }, response, () => cancel(pool, settlementId, clock()));
  });
  return router;

  async function read<Schema extends z.ZodType>(request: Request, schema: Schema): Promise<z.output<Schema>> {
    const rawBody = rawBodyOf(request);
    await signatures.verify(rawBody, request.headers);
    return parse(schema, parseJson(rawBody));
  }
}
