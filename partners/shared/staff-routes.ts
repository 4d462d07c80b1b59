import { createHash, timingSafeEqual } from 'node:crypto';
import { json, Router, type RequestHandler } from 'express';
import { z } from 'zod';
import type { Faults, FaultSwitch } from './faults.ts';
import { parse, Problem } from './problem.ts';
import { secretsBody, type Signatures } from './signature.ts';

export interface StaffOptions<Switch extends FaultSwitch> {
  readonly adminKey: string;
  readonly signatures: Signatures;
  /** Undefined where faults cannot be switched on. */
  readonly faults: { readonly switches: Faults<Switch>; readonly schema: z.ZodType<Switch> } | undefined;
}

/** What every partner's own staff can do, with `Authorization: Bearer ADMIN_KEY`: secrets and faults. */
export function staffRoutes<Switch extends FaultSwitch>(it: StaffOptions<Switch>): Router {
  const { adminKey, signatures, faults } = it;
  const router = Router();
  router.use(['/v1/signing-secrets', '/v1/faults'], requireStaff(adminKey), json());
  router.put('/v1/signing-secrets', async (request, response) => {
    const { secrets } = parse(secretsBody, request.body);
    await signatures.replace(secrets);
    response.json({ valid: secrets.length });
  });
  router.get('/v1/signing-secrets', async (_request, response) => {
    response.json({ valid: await signatures.count() });
  });
  if (faults !== undefined) {
    const list = z.array(faults.schema).max(1_000);
    router.put('/v1/faults', (request, response) => {
      faults.switches.set(parse(list, request.body));
      response.json(faults.switches.left());
    });
    router.get('/v1/faults', (_request, response) => {
      response.json(faults.switches.left());
    });
  }
  return router;
}

/** Lets nobody by but the partner's own staff. */
export function requireStaff(adminKey: string): RequestHandler {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${adminKey}`);
  return (request, _response, next) => {
    if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) {
      throw new Problem(
        'UNAUTHENTICATED',
        "This is for the partner's own staff: send the administrator's key.",
      );
    }
    next();
  };
}
