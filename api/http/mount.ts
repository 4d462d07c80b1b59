import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import type { Principal } from '../../db/key.ts';
import type { Authenticator } from './auth.ts';
import { requestIdOf } from './logging.ts';
import { invalidRequest, Problem } from './problem.ts';
import type { RateLimiter } from './rate-limit.ts';
import type { Call, Route } from './route.ts';
import { parsePart } from './validate.ts';

const MAX_BODY = '256kb';
const parseJson = express.json({ limit: MAX_BODY, strict: true, type: 'application/json' });

/** Stands for the caller where a route is open to all. */
const NOBODY: Principal = { keyId: 'public', role: 'device', tenantId: '', deviceId: null };

/** Puts routes on a router: who is it, may it, how often, then the body, then the handler. */
export function mount(
  router: Router,
  routes: readonly Route[],
  authenticate: Authenticator,
  limit: RateLimiter,
): void {
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const handlers: RequestHandler[] = [
      identify(route, authenticate),
      limit,
      ...bodyOf(route),
      answer(route),
    ];
    router[route.method](path, ...handlers);
  }
}

function identify(route: Route, authenticate: Authenticator): RequestHandler {
  return async (request, response, next) => {
    response.locals.route = `${route.method.toUpperCase()} ${route.path}`;
    if (route.roles !== 'public') {
      const principal = await authenticate(request);
      response.locals.principal = principal;
      if (!route.roles.includes(principal.role)) {
        throw new Problem(
          'FORBIDDEN_ROLE',
          `This is for keys of role ${route.roles.join(' or ')}, not ${principal.role}.`,
        );
      }
    }
    next();
  };
}

function bodyOf(route: Route): RequestHandler[] {
  if (route.body === undefined) return [];
  const requireJson: RequestHandler = (request, _response, next) => {
    const hasBody =
      request.headers['transfer-encoding'] !== undefined ||
      Number(request.headers['content-length'] ?? 0) > 0;
    if (hasBody && request.is('application/json') === false) {
      throw new Problem('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.');
    }
    next();
  };
  return [requireJson, parseJson];
}

function answer(route: Route): RequestHandler {
  return async (request: Request, response: Response, _next: NextFunction) => {
    const call: Call<unknown, unknown, unknown> = {
      params: route.params === undefined ? undefined : parsePart(route.params, request.params, 'path'),
      query: parseQuery(route, request),
      body: route.body === undefined ? undefined : parsePart(route.body, request.body ?? {}, 'body'),
      principal: (response.locals.principal as Principal | undefined) ?? NOBODY,
      requestId: requestIdOf(request),
    };
    if (route.stream !== undefined) {
      await route.stream(call as Call<never, never, never>, request, response);
      return;
    }
    const reply = await route.handle(call as Call<never, never, never>);
    response.status(reply.status).set(reply.headers ?? {});
    if (reply.body === undefined) response.end();
    else response.json(reply.body);
  };
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
