import { describeFetchError } from './fetch-error.ts';
import { parseRetryAfter } from './retry-after.ts';

/** What a receiver answered: its status and `Retry-After`, or why there is no answer. */
export interface PostReply {
  readonly statusCode?: number;
  readonly retryAfterMs?: number;
  readonly error?: string;
}

/** Posts once, without following redirects; what the receiver says in the body does not matter. Nothing of it throws. */
export async function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
  timeoutMs: number,
): Promise<PostReply> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'));
    return { statusCode: response.status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  } catch (error) {
    return { error: describeFetchError(error, timeoutMs) };
  }
}
