import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Principal, Role } from '../../db/key.ts';

/** What a handler gets: the parts of the request, parsed; who asks; the request's id. */
export interface Call<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Principal;
  readonly requestId: string;
  /** Which of these media types the caller likes best (RFC 9110 section 12.5.1); none if it wants none of them. */
  readonly accepts: (mediaTypes: readonly string[]) => string | undefined;
}

export interface Reply {
  readonly status: number;
  /** Answered as JSON. */
  readonly body?: unknown;
  /** Instead of a body: text of another media type, sent piece by piece as fast as the caller reads. */
  readonly stream?: { readonly type: string; readonly pieces: AsyncIterable<string> };
  readonly headers?: Readonly<Record<string, string>>;
}

/** Headers of answers that callers act on; `X-Request-Id` comes with every answer and is not said again. */
export const RESPONSE_HEADERS = {
  'Idempotency-Hit': '`true` when this was answered before under the same id; absent the first time.',
  Location: 'Where to ask for the outcome.',
  'Retry-After': 'Seconds to wait before the next try.',
  'WWW-Authenticate': 'The scheme to authenticate with: `Bearer`.',
  'X-Request-Id': 'The id under which the request is logged: the one that was sent, or a new one.',
} as const satisfies Record<string, string>;

export type ResponseHeader = keyof typeof RESPONSE_HEADERS;

export interface ResponseDoc {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly example?: unknown;
  readonly headers?: readonly ResponseHeader[];
  /** Media types of the body where it is not JSON; with a schema, beside JSON. */
  readonly produces?: readonly string[];
}

/** One endpoint: the same object routes, checks and documents it. Paths are OpenAPI's (`/v1/users/{userId}`). */
export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string | undefined;
  readonly roles: readonly Role[] | 'public';
  readonly params?: z.ZodType | undefined;
  readonly query?: z.ZodType | undefined;
  /** Headers that the handler reads, for the documentation: it checks them itself. */
  readonly requestHeaders?: z.ZodType | undefined;
  readonly body?: z.ZodType | undefined;
  /** For a body that is no JSON: its media type and the most it may have. The schema then checks its bytes. */
  readonly upload?: { readonly type: string; readonly maxBytes: number } | undefined;
  /** An example body, shown in the documentation. */
  readonly example?: unknown;
  readonly responses: Readonly<Record<number, ResponseDoc>>;
  readonly handle: (call: Call<never, never, never>) => Promise<Reply>;
  /** Instead of an answer: a stream that lives on. */
  readonly stream?: (call: Call<never, never, never>, request: Request, response: Response) => Promise<void>;
}

interface TypedRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> extends Omit<
  Route,
  'params' | 'query' | 'body' | 'handle' | 'stream'
> {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly handle: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Reply>;
}

/** Gives a handler the types of its schemas. */
export function route<
  P extends z.ZodType = z.ZodUndefined,
  Q extends z.ZodType = z.ZodUndefined,
  B extends z.ZodType = z.ZodUndefined,
>(definition: TypedRoute<P, Q, B>): Route {
  return definition;
}

/** A route that keeps its response open. */
export function streamRoute(
  definition: Omit<Route, 'handle' | 'stream' | 'params' | 'query' | 'body'> & {
    readonly stream: (
      call: Call<undefined, undefined, undefined>,
      request: Request,
      response: Response,
    ) => Promise<void>;
  },
): Route {
  return {
    ...definition,
    handle: () => Promise.reject(new Error('a stream has no single answer')),
  };
}
