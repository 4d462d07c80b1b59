import { json, Router } from 'express';
import type { Pool } from '../shared/database.ts';
import { parse, Problem } from '../shared/problem.ts';
import { requireStaff } from '../shared/staff-routes.ts';
import { payAtMachine } from './machine.ts';
import { listUnaccepted, putKessai } from './messages.ts';
import { openAgain } from './openings.ts';
import { putPlace } from './places.ts';
import * as schemas from './schemas.ts';
import { enter, leave } from './stays.ts';
import { listSpaces, viewStay } from './views.ts';

export interface OwnOptions {
  readonly pool: Pool;
  readonly adminKey: string;
  readonly clock: () => Date;
}

/** For the operator's own staff and machines, with `Authorization: Bearer ADMIN_KEY`. */
export function ownRoutes({ pool, adminKey, clock }: OwnOptions): Router {
  const router = Router();
  router.use(['/v1/places', '/v1/kessai', '/machine', '/control'], requireStaff(adminKey), json());
  router.put('/v1/places/:placeId', async (request, response) => {
    const placeId = parse(schemas.placeId, request.params.placeId);
    response.json(await putPlace(pool, { placeId, ...parse(schemas.placeBody, request.body) }));
  });
  router.put('/v1/kessai', async (request, response) => {
    const { baseUrl, key } = parse(schemas.kessaiBody, request.body);
    await putKessai(pool, { baseUrl, key });
    response.json({ baseUrl });
  });
  router.post('/machine/payments', async (request, response) => {
    response.json(await payAtMachine(pool, parse(schemas.machineBody, request.body), clock()));
  });
  router.post('/machine/openings', async (request, response) => {
    response.json(await openAgain(pool, parse(schemas.stayBody, request.body), 'MACHINE', clock()));
  });
  router.post('/control/entries', async (request, response) => {
    response.status(201).json(await enter(pool, parse(schemas.entryBody, request.body), clock()));
  });
  router.post('/control/exits', async (request, response) => {
    const it = parse(schemas.exitBody, request.body);
    response.json(await leave(pool, it, it.at ?? clock()));
  });
  router.post('/control/openings', async (request, response) => {
    response.json(await openAgain(pool, parse(schemas.stayBody, request.body), 'STAFF', clock()));
  });
  router.get('/control/spaces', async (request, response) => {
    const placeId = parse(schemas.placeId.optional(), request.query.placeId);
    response.json({ spaces: await listSpaces(pool, clock(), placeId) });
  });
  router.get('/control/sessions/:sessionId', async (request, response) => {
    const found = await viewStay(pool, parse(schemas.sessionId, request.params.sessionId), clock());
    if (found === undefined) throw new Problem('NOT_FOUND', 'There is no such session.');
    response.json(found);
  });
  router.get('/control/messages', async (_request, response) => {
    response.json({ unaccepted: await listUnaccepted(pool) });
  });
  return router;
}
