import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Principal } from '../../db/key.ts';
import { principalOf, unauthenticated, type Authenticator } from './auth.ts';
import { requestIdOf } from './logging.ts';
import { invalidRequest, Problem } from './problem.ts';
import type { RateLimiter } from './rate-limit.ts';
import type { Call, Reply, Route } from './route.ts';
import { parsePart } from './validate.ts';

const MAX_BODY = '256kb';
const parseJson = express.json({ limit: MAX_BODY, strict: true, type: 'application/json' });

/** Stands for the caller where a route is open to all. */
const NOBODY: Principal = { keyId: 'public', role: 'device', tenantId: '', deviceId: null };

/** Puts routes on a router: who is it, how often, may it, then the body, then the handler. */
export function mount(
  router: Router,
  routes: readonly Route[],
  authenticate: Authenticator,
  limit: RateLimiter,
): void {
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const steps: RequestHandler[] = [identify(route, authenticate), limit, authorise(route)];
    router[route.method](path, ...steps, ...bodyOf(route), answer(route));
  }
}

/** Who asks. A key that is none is refused after the limit: guessing keys is counted, by address. */
function identify(route: Route, authenticate: Authenticator): RequestHandler {
  return async (request, response, next) => {
    response.locals.route = `${route.method.toUpperCase()} ${route.path}`;
    response.locals.isPublic = route.roles === 'public';
    if (route.roles !== 'public') response.locals.principal = await authenticate(request);
    next();
  };
}

function authorise(route: Route): RequestHandler {
  return (_request, response, next) => {
    if (route.roles !== 'public') {
      const principal = principalOf(response);
      if (principal === undefined) throw unauthenticated();
      if (!route.roles.includes(principal.role)) {
        const roles = route.roles.join(' or ');
        throw new Problem('FORBIDDEN_ROLE', `This is for keys of role ${roles}, not ${principal.role}.`);
      }
    }
    next();
  };
}

function bodyOf(route: Route): RequestHandler[] {
  if (route.body === undefined) return [];
  const { upload } = route;
  if (upload === undefined) return [requireType('application/json'), parseJson];
  return [requireType(upload.type), express.raw({ limit: upload.maxBytes, type: upload.type })];
}

function requireType(wanted: string): RequestHandler {
  const parameters = /^\s*(;\s*charset="?utf-8"?\s*)?$/i;
  return (request, _response, next) => {
    const type = request.headers['content-type'] ?? '';
    const { 'transfer-encoding': encoding, 'content-length': length } = request.headers;
    const hasBody = encoding !== undefined || Number(length ?? 0) > 0;
    const isWanted = type.slice(0, wanted.length).toLowerCase() === wanted;
    if (hasBody && !(isWanted && parameters.test(type.slice(wanted.length)))) {
      throw new Problem('UNSUPPORTED_MEDIA_TYPE', `Send the body as ${wanted} in UTF-8.`);
    }
    next();
  };
}

function answer(route: Route): RequestHandler {
  return async (request: Request, response: Response, _next: NextFunction) => {
    const call: Call<unknown, unknown, unknown> = {
      params: route.params === undefined ? undefined : parsePart(route.params, request.params, 'path'),
      query: parseQuery(route, request),
      body: route.body === undefined ? undefined : parsePart(route.body, request.body ?? {}, 'body'),
      principal: principalOf(response) ?? NOBODY,
      requestId: requestIdOf(request),
      accepts: (types) => request.accepts([...types]) || undefined,
    };
    if (route.stream !== undefined) {
      if (request.method === 'HEAD') {
        response.type('text/event-stream').end();
        return;
      }
      await route.stream(call as Call<never, never, never>, request, response);
      return;
    }
    const reply = await route.handle(call as Call<never, never, never>);
    if (reply.stream !== undefined) {
      await sendPieces(request, response, reply, reply.stream);
      return;
    }
    response.status(reply.status).set(reply.headers ?? {});
    if (reply.body === undefined) response.end();
    else response.json(reply.body);
  };
}

/**
 * Sends text as fast as the caller reads it. What fails before the first piece is answered as a problem; after it the
 * connection is cut, so that the caller cannot take a part for the whole.
 */
async function sendPieces(
  request: Request,
  response: Response,
  { status, headers }: Reply,
  { type, pieces }: NonNullable<Reply['stream']>,
): Promise<void> {
  const begin = (): void => {
    response
      .status(status)
      .set(headers ?? {})
      .set('content-type', `${type}; charset=utf-8`);
  };
  if (request.method === 'HEAD') {
    begin();
    response.end();
    return;
  }
  const iterator = pieces[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (response.destroyed) {
    await iterator.return?.();
    return;
  }
  begin();
  try {
    await pipeline(Readable.from(rest(first, iterator), { objectMode: true }), response);
  } catch (error) {
    // The caller went away: nobody to tell.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

async function* rest(first: IteratorResult<string>, iterator: AsyncIterator<string>): AsyncGenerator<string> {
  try {
    for (let it = first; it.done !== true; it = await iterator.next()) yield it.value;
  } finally {
    await iterator.return?.();
  }
}

function parseQuery(route: Route, request: Request): unknown {
  if (route.query !== undefined) return parsePart(route.query, request.query, 'query');
  const unknown = Object.keys(request.query);
  if (unknown.length === 0) return undefined;
  throw invalidRequest(
    unknown.map((name) => ({
      pointer: `/${name}`,
      code: 'UNKNOWN_FIELD',
      detail: 'This parameter is not known here.',
      in: 'query' as const,
    })),
  );
}
