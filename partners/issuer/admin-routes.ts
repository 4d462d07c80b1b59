import { createHash, timingSafeEqual } from 'node:crypto';
import { json, Router, type RequestHandler } from 'express';
import { findAccount, proveBooks, putAccount } from './books.ts';
import type { Pool } from './database.ts';
import type { Faults } from './faults.ts';
import { parse, Problem } from './problem.ts';
import * as schemas from './schemas.ts';
import { countSecrets, replaceSecrets } from './signature.ts';

export interface AdminOptions {
  readonly pool: Pool;
  readonly adminKey: string;
  /** Undefined where faults cannot be switched on. */
  readonly faults: Faults | undefined;
}

const PATHS = ['/v1/accounts', '/v1/books', '/v1/signing-secrets', '/v1/faults'];

/** For the issuer's own staff, with `Authorization: Bearer ADMIN_KEY`. */
export function adminRoutes({ pool, adminKey, faults }: AdminOptions): Router {
  const router = Router();
  router.use(PATHS, requireKey(adminKey), json());
  router.put('/v1/accounts/:accountRef', async (request, response) => {
    const accountRef = parse(schemas.accountRef, request.params.accountRef);
    const stored = await putAccount(pool, { accountRef, ...parse(schemas.accountBody, request.body) });
    if (stored === undefined)
      throw new Problem('INVALID_REQUEST', 'The currency of an account never changes.');
    response.json(stored);
  });
  router.get('/v1/accounts/:accountRef', async (request, response) => {
    const found = await findAccount(pool, parse(schemas.accountRef, request.params.accountRef));
    if (found === undefined) throw new Problem('NOT_FOUND', 'There is no such account.');
    response.json(found);
  });
  router.get('/v1/books', async (_request, response) => {
    response.json(await proveBooks(pool));
  });
  router.put('/v1/signing-secrets', async (request, response) => {
    const { secrets } = parse(schemas.secretsBody, request.body);
    await replaceSecrets(pool, secrets);
    response.json({ valid: secrets.length });
  });
  router.get('/v1/signing-secrets', async (_request, response) => {
    response.json({ valid: await countSecrets(pool) });
  });
  if (faults !== undefined) {
    router.put('/v1/faults', (request, response) => {
      faults.set(parse(schemas.faultsBody, request.body));
      response.json(faults.left());
    });
    router.get('/v1/faults', (_request, response) => {
      response.json(faults.left());
    });
  }
  return router;
}

function requireKey(adminKey: string): RequestHandler {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${adminKey}`);
  return (request, _response, next) => {
    if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) {
      throw new Problem(
        'UNAUTHENTICATED',
        "This is for the issuer's own staff: send the administrator's key.",
      );
    }
    next();
  };
}
