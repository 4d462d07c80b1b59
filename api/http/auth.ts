import type { Request } from 'express';
import { findPrincipal, type Principal } from '../../db/key.ts';
import type { Db } from '../../db/pool.ts';
import { Problem } from './problem.ts';

export type Authenticator = (request: Request) => Promise<Principal>;

/** Reads `Authorization: Bearer KEY` and finds whose it is. Each request asks the database, so a revoked key is out at once. */
export function createAuthenticator(db: Db): Authenticator {
  return async (request) => {
    const [, key] = /^Bearer ([\x21-\x7e]{20,200})$/.exec(request.headers.authorization ?? '') ?? [];
    const principal = key === undefined ? undefined : await findPrincipal(db, key);
    if (principal === undefined) {
      throw new Problem('UNAUTHENTICATED', 'Send a valid key: Authorization: Bearer KEY.', {
        headers: { 'www-authenticate': 'Bearer realm="kessai"' },
      });
    }
    return principal;
  };
}
