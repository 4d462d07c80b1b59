import { json, Router, text } from 'express';
import type { Pool } from '../shared/database.ts';
import { parse, Problem } from '../shared/problem.ts';
import { requireStaff } from '../shared/staff-routes.ts';
import { importBankDebits } from './bank-debit.ts';
import { findAccount, proveBooks, putAccount } from './books.ts';
import * as schemas from './schemas.ts';
import { findStatement, putStatement } from './statements.ts';

const MAX_CSV_BYTES = 16 * 1024 * 1024;

/** For the issuer's own staff, with `Authorization: Bearer ADMIN_KEY`. */
export function adminRoutes({ pool, adminKey }: { pool: Pool; adminKey: string }): Router {
  const router = Router();
  router.use(
    ['/v1/accounts', '/v1/books', '/v1/statements', '/v1/bank-debits'],
    requireStaff(adminKey),
    json(),
  );
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
  router.post(
    '/v1/bank-debits',
    text({ type: 'text/csv', limit: MAX_CSV_BYTES }),
    async (request, response) => {
      if (typeof request.body !== 'string')
        throw new Problem('INVALID_REQUEST', 'Send the file as text/csv.');
      const report = await importBankDebits(pool, request.body);
      response.status(report.status === 'BOOKED' ? 200 : 422).json(report);
    },
  );
  router.get('/v1/books', async (_request, response) => {
    response.json(await proveBooks(pool));
  });
  return router;
}
