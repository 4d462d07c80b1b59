import type { Request, Response } from 'express';
import { findPrincipal, type Principal } from '../../db/key.ts';
import type { Db } from '../../db/pool.ts';
import { Problem } from './problem.ts';

export type Authenticator = (request: Request) => Promise<Principal | undefined>;

/** Reads `Authorization: Bearer KEY` and finds whose it is. Each request asks the database, so a revoked key is out at once. */
export function createAuthenticator(db: Db): Authenticator {
  return async (request) => {
    const [, key] = /^Bearer ([\x21-\x7e]{20,200})$/i.exec(request.headers.authorization ?? '') ?? [];
    return key === undefined ? undefined : findPrincipal(db, key);
  };
}

/** Whom the request speaks for, once that has been found out. */
export function principalOf(response: Response): Principal | undefined {
  return response.locals.principal as Principal | undefined;
}

export function unauthenticated(): Problem {
  return new Problem('UNAUTHENTICATED', 'Send a valid key: Authorization: Bearer KEY.', {
    headers: { 'www-authenticate': 'Bearer realm="kessai"' },
  });
}
