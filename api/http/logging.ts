import type { Request, RequestHandler } from 'express';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import { newId } from '../../db/id.ts';

/**
 * One line a request: method, route, status, time, who. No bodies, no headers, no query: codes and keys travel there.
 * The request id is the caller's if it looks like one, else a new one, and goes back as `X-Request-Id`.
 */
export function requestLogger(log: Logger): RequestHandler {
  return pinoHttp({
    logger: log,
    genReqId(request, response) {
      const given = request.headers['x-request-id'];
      const id = typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : newId('req');
      response.setHeader('x-request-id', id);
      return id;
    },
    serializers: {
      req: (request: { id: unknown; method: string }) => ({ id: request.id, method: request.method }),
      res: (response: { statusCode: number }) => ({ status: response.statusCode }),
    },
    customProps: (_request, response) => {
      const { locals } = response as unknown as { locals: { route?: string; principal?: { keyId: string } } };
      return { route: locals.route, keyId: locals.principal?.keyId };
    },
    customLogLevel: (_request, response, error) =>
      error !== undefined || response.statusCode >= 500 ? 'warn' : 'info',
    autoLogging: { ignore: (request) => /^\/(healthz|readyz|metrics)/.test(request.url) },
  });
}

/** The id under which a request is logged and answered. */
export function requestIdOf(request: Request): string {
  return typeof request.id === 'string' ? request.id : '';
}
