import { Router, type RequestHandler } from 'express';
import type { Pool } from '../shared/database.ts';
import { answer, type Faults } from '../shared/faults.ts';
import { parse, parseJson, Problem } from '../shared/problem.ts';
import { rawBodyOf, requireSignedKey, type Signatures } from '../shared/signature.ts';
import { lookUp, perform } from './operations.ts';
import * as schemas from './schemas.ts';

const PATHS = {
  AUTHORISE: '/v1/authorisations',
  CAPTURE: '/v1/captures',
  VOID: '/v1/voids',
  REFUND: '/v1/refunds',
  REPAYMENT: '/v1/repayments',
} as const satisfies Record<schemas.OperationName, string>;

/** What Kessai calls: signed, and with the faults that are switched on. */
export function operationRoutes(
  pool: Pool,
  signatures: Signatures,
  faults: Faults<schemas.IssuerFault>,
): Router {
  const router = Router();
  for (const [operation, path] of Object.entries(PATHS) as [schemas.OperationName, string][]) {
    router.post(path, operationHandler(operation));
  }
  router.get('/v1/operations/:key', async (request, response) => {
    await signatures.verify(rawBodyOf(request), request.headers);
    const key = parse(schemas.key, request.params.key);
    // A look-up has no body: the message id, which is signed, binds it to the key in its path.
    requireSignedKey(request.headers, key);
    await answer(faults, { operation: 'LOOK_UP', key }, response, async () => {
      const found = await lookUp(pool, key);
      if (found === undefined) throw new Problem('NOT_FOUND', 'Nothing was done under this key.');
      return found;
    });
  });
  return router;

  function operationHandler(operation: schemas.OperationName): RequestHandler {
    return async (request, response) => {
      const rawBody = rawBodyOf(request);
      await signatures.verify(rawBody, request.headers);
      const body = parse(schemas.OPERATION_BODIES[operation], parseJson(rawBody));
      requireSignedKey(request.headers, body.key);
      const asked = { operation, ...body } as schemas.OperationRequest;
      await answer(faults, { operation, key: body.key }, response, (fault) =>
        perform(pool, asked, fault === 'DECLINE' ? 'DECLINED' : undefined),
      );
    };
  }
}
