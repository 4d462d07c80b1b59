import { caller, type Call } from './caller.ts';

const LIMIT_YEN = 50_000;
/** The issuer's name for the account: nobody's own name. */
const ACCOUNT_REF = 'line-0001';

/**
 * Makes the reference issuer and a Kessai known to each other, and gives one user a credit line there. What is there already is left
 * as it is; only the address follows the port of this start.
 */
export async function seedIssuer(
  kessai: Call,
  issuer: { readonly baseUrl: string; readonly adminKey: string },
  it: { readonly issuerId: string; readonly userId: string },
): Promise<void> {
  const staff = caller(issuer.baseUrl, issuer.adminKey);
  const body = { name: 'Demo Credit', baseUrl: issuer.baseUrl, timeZone: 'Asia/Tokyo' };
  await kessai('PUT', `/v1/issuers/${it.issuerId}`, body);
  const { valid } = (await staff('GET', '/v1/signing-secrets')) as { valid: number };
  if (valid > 0) return;
  await staff('PUT', `/v1/accounts/${ACCOUNT_REF}`, { limit: LIMIT_YEN });
  await kessai('PUT', `/v1/users/${it.userId}/pay-later`, { issuerId: it.issuerId, accountRef: ACCOUNT_REF });
  const made = (await kessai('POST', `/v1/issuers/${it.issuerId}/signing-secret`)) as { secret: string };
  // The last step: a start that did not get here does all of it again.
  await staff('PUT', '/v1/signing-secrets', { secrets: [made.secret] });
}
