import { firstRow, type Db } from './pool.ts';
import { findWebhookSecrets, type SealedSecret } from './webhook.ts';

/** Where an operator's server is asked now and the secrets that sign now. */
export interface OperatorEndpoint {
  readonly baseUrl: string;
  readonly sealedSecrets: readonly SealedSecret[];
}

/** Undefined for an operator without a server. */
export async function findOperatorEndpoint(
  db: Db,
  operatorId: string,
): Promise<OperatorEndpoint | undefined> {
  const statement = {
    name: 'parking_endpoint',
    text: 'select base_url as "baseUrl" from parking_operator where operator_id = $1 and base_url is not null',
  };
  const operator = await firstRow<{ baseUrl: string }>(db, statement, [operatorId]);
  if (operator === undefined) return undefined;
  const sealedSecrets = await findWebhookSecrets(db, { kind: 'PARKING', id: operatorId });
  return { baseUrl: operator.baseUrl, sealedSecrets };
}

/** When a stay ended, RFC 3339; undefined while nobody has said so. */
export async function findStayEnd(
  db: Db,
  operatorId: string,
  sessionId: string,
): Promise<string | undefined> {
  const statement = {
    name: 'parking_stay_end',
    text: `select rfc3339(ended_at) as "endedAt" from parking_session
            where operator_id = $1 and session_id = $2 and ended_at is not null`,
  };
  return (await firstRow<{ endedAt: string }>(db, statement, [operatorId, sessionId]))?.endedAt;
}
