import type { FundingSource } from '../domain/payment/payment.ts';
import { rows, type Db } from './pool.ts';

export interface OneTimeCode {
  readonly codeDigest: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly fundingSource: FundingSource;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/**
 * Keeps an issued code by its digest (hexadecimal HMAC). Codes of the same user that expired more than a day ago go
 * in the same statement: by then a replay is CODE_INVALID like any unknown code.
 */
export async function insertOneTimeCode(db: Db, code: OneTimeCode): Promise<void> {
  const statement = {
    name: 'code_insert',
    text: `with old as (delete from one_time_code where user_id = $2 and expires_at < $5::timestamptz - interval '1 day')
           insert into one_time_code (code_digest, user_id, device_id, funding_source, issued_at, expires_at)
           values (decode($1, 'hex'), $2, $3, $4, $5, $6)`,
  };
  await rows(db, statement, [
    code.codeDigest,
    code.userId,
    code.deviceId,
    code.fundingSource,
    code.issuedAt,
    code.expiresAt,
  ]);
}
