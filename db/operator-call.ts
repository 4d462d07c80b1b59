import { Webhook } from 'standardwebhooks';
import { describeFetchError } from '../domain/fetch-error.ts';
import { parseObject } from '../domain/json.ts';
import { findOperatorEndpoint } from './parking-stay.ts';
import { recordOperatorAttempt, type OperatorAttempt } from './parking-settlement.ts';
import type { Pool } from './pool.ts';
import type { Sealer } from './sealed.ts';

/** A call to a parking operator's server. */
export interface OperatorCall<Answer> {
  readonly operatorId: string;
  /** Its id, also when it is sent again (`webhook-id`); attempts are listed by it. */
  readonly key: string;
  readonly operation: OperatorAttempt['operation'];
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number;
  /** What an answer of status 200 says; undefined if it breaks the contract. */
  readonly read: (body: Readonly<Record<string, unknown>>) => Answer | undefined;
}

/** Silence is never an answer: what was asked for may have been done. */
export type OperatorReply<Answer> =
  | { readonly kind: 'ANSWERED'; readonly answer: Answer }
  | { readonly kind: 'NOT_FOUND'; readonly why: string }
  | { readonly kind: 'SILENT'; readonly why: string };

export type OperatorCaller = <Answer>(call: OperatorCall<Answer>) => Promise<OperatorReply<Answer>>;

/** More than any answer of the contract; what is longer is not read. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Calls parking operators' servers, signed after the Standard Webhooks specification, and records each call. Here, beside the
 * secrets and the record, as both the edge (fees) and activities (releases) ask them.
 */
export function createOperatorCaller(deps: { pool: Pool; sealer: Sealer }): OperatorCaller {
  const { pool, sealer } = deps;
  return async (call) => {
    const endpoint = await findOperatorEndpoint(pool, call.operatorId);
    if (endpoint === undefined || endpoint.sealedSecrets.length === 0)
      return { kind: 'SILENT', why: 'the operator has no server or no signing secret' };
    const startedAt = new Date();
    const url = endpoint.baseUrl + call.path;
    const text = JSON.stringify(call.body);
    const signatures = endpoint.sealedSecrets.map(({ secretId, sealed }) =>
      new Webhook(sealer.open(sealed, secretId).toString()).sign(call.key, startedAt, text),
    );
    const response = await exchange(
      url,
      text,
      {
        'webhook-id': call.key,
        'webhook-timestamp': String(Math.floor(startedAt.getTime() / 1000)),
        'webhook-signature': signatures.join(' '),
      },
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

type Response = { readonly status: number; readonly text: string } | { readonly error: string };

function readReply<Answer>(call: OperatorCall<Answer>, response: Response): OperatorReply<Answer> {
  if ('error' in response) return { kind: 'SILENT', why: response.error };
  if (response.status === 404) return { kind: 'NOT_FOUND', why: 'answered 404' };
  if (response.status === 202) return { kind: 'SILENT', why: 'answered 202: it will say later' };
  if (response.status !== 200) return { kind: 'SILENT', why: `answered ${response.status}` };
  const body = parseObject(response.text);
  const answer = body && call.read(body);
  return answer === undefined
    ? { kind: 'SILENT', why: 'the answer breaks the contract' }
    : { kind: 'ANSWERED', answer };
}

/** One request, without following redirects; nothing of it throws. */
async function exchange(
  url: string,
  body: string,
  headers: Record<string, string>,
  timeoutMs: number,
): Promise<Response> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        ...headers,
        accept: 'application/json',
        'content-type': 'application/json',
        'user-agent': 'kessai-parking/1',
      },
      body,
    });
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES) return { error: `answered more than ${MAX_ANSWER_BYTES} bytes` };
      chunks.push(chunk);
    }
    return { status: response.status, text: Buffer.concat(chunks).toString('utf8') };
  } catch (error) {
    return { error: describeFetchError(error, timeoutMs) };
  }
}
