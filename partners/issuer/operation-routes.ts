import { setTimeout as pause } from 'node:timers/promises';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import type { Pool } from './database.ts';
import { delayOf, type Faults, type Faulty, type FaultSwitch } from './faults.ts';
import { lookUp, perform } from './operations.ts';
import { parse, parseJson, Problem } from './problem.ts';
import * as schemas from './schemas.ts';
import { requireSignedKey, verifySignature } from './signature.ts';

const PATHS = {
  AUTHORISE: '/v1/authorisations',
  CAPTURE: '/v1/captures',
  VOID: '/v1/voids',
  REFUND: '/v1/refunds',
} as const satisfies Record<schemas.OperationName, string>;

/** What Kessai calls: signed, and with the faults that are switched on. */
export function operationRoutes(pool: Pool, faults: Faults): Router {
  const router = Router();
  for (const [operation, path] of Object.entries(PATHS) as [schemas.OperationName, string][]) {
    router.post(path, operationHandler(operation));
  }
  router.get('/v1/operations/:key', async (request, response) => {
    await verifySignature(pool, rawBodyOf(request), request.headers);
    const key = parse(schemas.key, request.params.key);
    requireSignedKey(request.headers, key);
    await withFault('LOOK_UP', response, async () => {
      const found = await lookUp(pool, key);
      if (found === undefined) throw new Problem('NOT_FOUND', 'Nothing was done under this key.');
      return found;
    });
  });
  return router;

  function operationHandler(operation: schemas.OperationName): RequestHandler {
    return async (request, response) => {
      const rawBody = rawBodyOf(request);
      await verifySignature(pool, rawBody, request.headers);
      const body = parse(schemas.OPERATION_BODIES[operation], parseJson(rawBody));
      requireSignedKey(request.headers, body.key);
      const asked = { operation, ...body } as schemas.OperationRequest;
      await withFault(operation, response, (declineCode) => perform(pool, asked, declineCode));
    };
  }

  async function withFault(
    operation: Faulty,
    response: Response,
    act: (declineCode?: string) => Promise<object>,
  ): Promise<void> {
    const it = faults.take(operation);
    switch (it?.fault) {
      case undefined:
        response.json(await act());
        return;
      case 'DECLINE':
        response.json(await act('DECLINED'));
        return;
      case 'SLOW':
        // Also when the caller has gone meanwhile: that is what makes it dangerous.
        await pause(delayOf(it), undefined, { ref: false });
        response.json(await act());
        return;
      case 'TIME_OUT_BEFORE':
        hangUp(response, it);
        return;
      case 'TIME_OUT_AFTER_COMMIT':
        await act();
        hangUp(response, it);
        return;
      case 'ERROR_500':
        throw new Problem('INTERNAL', 'A fault was switched on.');
      case 'NOT_FOUND':
        throw new Problem('NOT_FOUND', 'A fault was switched on.');
    }
  }
}

/** No answer; the connection goes when the caller does, at the latest after the delay. */
function hangUp(response: Response, it: FaultSwitch): void {
  const timer = setTimeout(() => response.destroy(), delayOf(it));
  timer.unref();
  response.on('close', () => {
    clearTimeout(timer);
  });
}

function rawBodyOf(request: Request): string {
  return Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
}
