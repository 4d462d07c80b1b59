import { Webhook } from 'standardwebhooks';
import type { Sealer } from '../db/sealed.ts';
import { describeFetchError } from './fetch-error.ts';

/** More than any answer of a partner's contract; what is longer is not read. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** A signing secret as Postgres keeps it. */
interface SealedSecret {
  readonly secretId: string;
  readonly sealed: Buffer;
}

/** Headers that sign a call after the Standard Webhooks specification, with every secret that is valid now. */
export function signedHeaders(
  sealer: Sealer,
  secrets: readonly SealedSecret[],
  call: { readonly id: string; readonly at: Date; readonly body: string },
): Record<string, string> {
  const signatures = secrets.map(({ secretId, sealed }) =>
    new Webhook(sealer.open(sealed, secretId).toString()).sign(call.id, call.at, call.body),
  );
  return {
    'webhook-id': call.id,
    'webhook-timestamp': String(Math.floor(call.at.getTime() / 1000)),
    'webhook-signature': signatures.join(' '),
  };
}

export type ExchangeReply = { readonly status: number; readonly body: string } | { readonly error: string };

/** One call to a partner, without following redirects: a POST of JSON, or a GET where there is no body. Nothing of it throws. */
export async function exchange(
  url: string,
  body: string | undefined,
  headers: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<ExchangeReply> {
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        ...headers,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { method: 'POST', body }),
    });
    const said = await readAtMost(response, MAX_ANSWER_BYTES);
    return said === undefined
      ? { error: `answered more than ${MAX_ANSWER_BYTES} bytes` }
      : { status: response.status, body: said };
  } catch (error) {
    return { error: describeFetchError(error, timeoutMs) };
  }
}

async function readAtMost(response: Response, maxBytes: number): Promise<string | undefined> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
