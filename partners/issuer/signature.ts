import { Webhook } from 'standardwebhooks';
import type { Pool } from './database.ts';
import { Problem } from './problem.ts';

/**
 * Verifies a call after the Standard Webhooks specification: over the body as it came, by either secret while they rotate. The
 * message id is the operation's key, which binds a look-up, whose body is empty, to the key in its path.
 * @throws {Problem} UNAUTHENTICATED
 */
export async function verifySignature(
  pool: Pool,
  rawBody: string,
  headers: Readonly<Record<string, unknown>>,
): Promise<void> {
  const secrets = await pool.query<{ secret: string }>(
    'select secret from issuer.signing_secret order by position',
  );
  const given = Object.fromEntries(
    ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [
      name,
      typeof headers[name] === 'string' ? headers[name] : '',
    ]),
  );
  const isSigned = secrets.rows.some(({ secret }) => {
    try {
      new Webhook(secret).verify(rawBody, given, { jsonParse: false });
      return true;
    } catch {
      return false;
    }
  });
  if (!isSigned) {
    throw new Problem(
      'UNAUTHENTICATED',
      'No signature of this call fits one of the secrets shared with you.',
    );
  }
}

/** @throws {Problem} UNAUTHENTICATED if the signature was made for another key */
export function requireSignedKey(headers: Readonly<Record<string, unknown>>, key: string): void {
  if (headers['webhook-id'] !== key) {
    throw new Problem('UNAUTHENTICATED', 'The header webhook-id must be the key of the operation.');
  }
}

/** How many secrets are valid now. */
export async function countSecrets(pool: Pool): Promise<number> {
  const counted = await pool.query<{ count: number }>('select count(*) as count from issuer.signing_secret');
  return counted.rows[0]?.count ?? 0;
}

/** From now on these are valid and no others, the newest first. */
export async function replaceSecrets(pool: Pool, secrets: readonly string[]): Promise<void> {
  await pool.query(
    `with gone as (delete from issuer.signing_secret where secret <> all ($1::text[]))
     insert into issuer.signing_secret (secret, position)
     select secret, position from unnest($1::text[]) with ordinality as given(secret, position)
     on conflict (secret) do update set position = excluded.position`,
    [secrets],
  );
}
