import type { Request } from 'express';
import { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import type { Pool } from './database.ts';
import { Problem } from './problem.ts';

/** One, or two while they rotate. */
export const secretsBody = z.strictObject({
  secrets: z
    .array(z.string().regex(/^whsec_[A-Za-z0-9+/]{32,100}={0,2}$/, 'whsec_ and Base64'))
    .min(1)
    .max(2),
});

/** For a partner's migrations: where {@link signatures} keeps what it shares with Kessai; in clear, it is no product. */
export const signingSecretTable = (schema: string): string =>
  `create table ${schema}.signing_secret (
    secret text primary key,
    position integer not null
  );`;

export interface Signatures {
  /**
   * Verifies a call after the Standard Webhooks specification: over the body as it came, by either secret while they rotate.
   * @throws {Problem} UNAUTHENTICATED
   */
  verify(rawBody: string, headers: Readonly<Record<string, unknown>>): Promise<void>;
  /** How many secrets are valid now. */
  count(): Promise<number>;
  /** From now on these are valid and no others, the newest first. */
  replace(secrets: readonly string[]): Promise<void>;
}

/** @param schema of the partner's tables, in SQL */
export function signatures(pool: Pool, schema: string): Signatures {
  return {
    async verify(rawBody, headers) {
      const secrets = await pool.query<{ secret: string }>(
        `select secret from ${schema}.signing_secret order by position`,
      );
      if (!secrets.rows.some(({ secret }) => isSigned(secret, rawBody, headers))) {
        throw new Problem(
          'UNAUTHENTICATED',
          'No signature of this call fits one of the secrets shared with you.',
        );
      }
    },
    async count() {
      const counted = await pool.query<{ count: number }>(
        `select count(*) as count from ${schema}.signing_secret`,
      );
      return counted.rows[0]?.count ?? 0;
    },
    async replace(secrets) {
      await pool.query(
        `with gone as (delete from ${schema}.signing_secret where secret <> all ($1::text[]))
         insert into ${schema}.signing_secret (secret, position)
         select secret, position from unnest($1::text[]) with ordinality as given(secret, position)
         on conflict (secret) do update set position = excluded.position`,
        [secrets],
      );
    },
  };
}

function isSigned(secret: string, rawBody: string, headers: Readonly<Record<string, unknown>>): boolean {
  const given = Object.fromEntries(
    ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [
      name,
      typeof headers[name] === 'string' ? headers[name] : '',
    ]),
  );
  try {
    new Webhook(secret).verify(rawBody, given, { jsonParse: false });
    return true;
  } catch {
    return false;
  }
}

/**
 * Binds a call to the key that its signature was made for.
 * @throws {Problem} UNAUTHENTICATED if that is another one
 */
export function requireSignedKey(headers: Readonly<Record<string, unknown>>, key: string): void {
  if (headers['webhook-id'] !== key) {
    throw new Problem('UNAUTHENTICATED', 'The header webhook-id must be the key of the operation.');
  }
}

/** The body as it came, which is what is signed; the application has read it raw. */
export function rawBodyOf(request: Request): string {
  return Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
}
