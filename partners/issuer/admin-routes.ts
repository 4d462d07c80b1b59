import { json, Router } from 'express';
import type { Pool } from '../shared/database.ts';
import { parse, Problem } from '../shared/problem.ts';
import { requireStaff } from '../shared/staff-routes.ts';
import { findAccount, proveBooks, putAccount } from './books.ts';
import * as schemas from './schemas.ts';
import { findStatement, putStatement } from './statements.ts';

/** For the issuer's own staff, with `Authorization: Bearer ADMIN_KEY`. */
export function adminRoutes({ pool, adminKey }: { pool: Pool; adminKey: string }): Router {
  const router = Router();
  router.use(['/v1/accounts', '/v1/books', '/v1/statements'], requireStaff(adminKey), json());
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
  router.put('/v1/statements/:statementId', async (request, response) => {
    const statementId = parse(schemas.statementId, request.params.statementId);
    const stored = await putStatement(pool, { statementId, ...parse(schemas.statementBody, request.body) });
    if (stored === undefined)
      throw new Problem('INVALID_REQUEST', 'User, month and currency of a statement never change.');
    response.json(stored);
  });
  router.get('/v1/statements/:statementId', async (request, response) => {
    const found = await findStatement(pool, parse(schemas.statementId, request.params.statementId));
    if (found === undefined) throw new Problem('NOT_FOUND', 'There is no such statement.');
    response.json(found);
  });
  router.get('/v1/books', async (_request, response) => {
    response.json(await proveBooks(pool));
  });
  return router;
}
