import { findOperatorEndpoint } from '../db/parking-stay.ts';
import { recordOperatorAttempt } from '../db/parking-settlement.ts';
import type { Pool } from '../db/pool.ts';
import type { Sealer } from '../db/sealed.ts';
import { parseObject } from '../domain/json.ts';
import type { OperatorCall, OperatorCaller, OperatorReply } from '../domain/parking/operator-call.ts';
import { exchange, signedHeaders, type ExchangeReply } from './exchange.ts';

/** Calls parking operators' servers, signed after the Standard Webhooks specification, and records each call. */
export function createOperatorCaller(deps: { pool: Pool; sealer: Sealer }): OperatorCaller {
  const { pool, sealer } = deps;
  return async (call) => {
    const endpoint = await findOperatorEndpoint(pool, call.operatorId);
    if (endpoint === undefined || endpoint.sealedSecrets.length === 0)
      return { kind: 'SILENT', why: 'the operator has no server or no signing secret' };
    const startedAt = new Date();
    const url = endpoint.baseUrl + call.path;
    const text = JSON.stringify(call.body);
    const signed = signedHeaders(sealer, endpoint.sealedSecrets, { id: call.key, at: startedAt, body: text });
    const response = await exchange(
      url,
      text,
      { 'user-agent': 'kessai-parking/1', ...signed },
      call.timeoutMs,
    );
    const reply = readReply(call, response);
    await recordOperatorAttempt(pool, call.operatorId, {
      key: call.key,
      operation: call.operation,
      url,
      startedAt,
      durationMs: Date.now() - startedAt.getTime(),
      statusCode: 'status' in response ? response.status : undefined,
      outcome: reply.kind,
      error: reply.kind === 'ANSWERED' ? undefined : reply.why,
    }).catch(() => undefined); // The answer is worth more than its record.
    return reply;
  };
}

function readReply<Answer>(call: OperatorCall<Answer>, response: ExchangeReply): OperatorReply<Answer> {
  if ('error' in response) return { kind: 'SILENT', why: response.error };
  if (response.status === 404) return { kind: 'NOT_FOUND', why: 'answered 404' };
  if (response.status === 202) return { kind: 'SILENT', why: 'answered 202: it will say later' };
  if (response.status !== 200) return { kind: 'SILENT', why: `answered ${response.status}` };
  const body = parseObject(response.body);
  const answer = body && call.read(body);
  return answer === undefined
    ? { kind: 'SILENT', why: 'the answer breaks the contract' }
    : { kind: 'ANSWERED', answer };
}
