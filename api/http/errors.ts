import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';
import { sqlState } from '../../db/tx.ts';
import { requestIdOf } from './logging.ts';
import { invalidRequest, notFound, Problem, unavailable } from './problem.ts';

/** The last route: nothing answered. */
export const unknownPath: RequestHandler = (request) => {
  throw notFound(`resource: ${request.method} ${request.path}`);
};

/** The one place where errors become answers. What nobody planned is logged whole and told to the caller as little. */
export function createErrorHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const problem = toProblem(error);
    if (problem.status >= 500)
      log.error({ err: error, requestId: request.id, code: problem.code }, 'request failed');
    if (response.headersSent) {
      next(error);
      return;
    }
    response
      .status(problem.status)
      .set(problem.headers)
      .type('application/problem+json')
      .send(JSON.stringify(problem.body(requestIdOf(request))));
  };
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const parser = bodyParserProblem(error) ?? unreadableBody(error);
  if (parser !== undefined) return parser;
  if (error instanceof URIError) {
    return invalidRequest([
      { pointer: '', code: 'MALFORMED_PATH', detail: 'The path is not valid UTF-8.', in: 'path' },
    ]);
  }
  if (isDatabaseAway(error)) return unavailable('The database is not reachable; try again.');
  return new Problem('INTERNAL', 'Something went wrong on our side; the request id helps us to find it.');
}

/** Errors of express' JSON parser carry a `type`. */
function bodyParserProblem(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || !('type' in error)) return undefined;
  switch (error.type) {
    case 'entity.too.large':
      return new Problem('PAYLOAD_TOO_LARGE', `This body may have at most ${sizeOf(error)}.`);
    case 'entity.parse.failed':
      return invalidRequest([
        { pointer: '', code: 'MALFORMED_JSON', detail: 'The body is not JSON.', in: 'body' },
      ]);
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new Problem('UNSUPPORTED_MEDIA_TYPE', 'Send the body in UTF-8, plain or compressed with gzip.');
    case 'request.aborted':
    case 'request.size.invalid':
      return invalidRequest([
        { pointer: '', code: 'INCOMPLETE', detail: 'The body did not arrive whole.', in: 'body' },
      ]);
    default:
      return undefined;
  }
}

function sizeOf(error: Error): string {
  const bytes = 'limit' in error ? Number(error.limit) : 0;
  return bytes >= 1024 * 1024 ? `${bytes / 1024 / 1024} MiB` : `${bytes / 1024} KiB`;
}

/** Whatever else goes wrong while a body is read, such as a broken gzip stream. */
function unreadableBody(error: unknown): Problem | undefined {
  const isClientFault =
    error instanceof Error && 'status' in error && Number(error.status) >= 400 && Number(error.status) < 500;
  if (!isClientFault) return undefined;
  return invalidRequest([
    { pointer: '', code: 'UNREADABLE', detail: 'The body could not be read.', in: 'body' },
  ]);
}

/** Connection failures, and Postgres' classes 08 (connection), 53 (resources) and 57 (operator intervention). */
function isDatabaseAway(error: unknown): boolean {
  const code = sqlState(error);
  if (code !== undefined) return /^(08|53|57)/.test(code) || /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND)/.test(code);
  return (
    error instanceof Error &&
    /timeout exceeded when trying to connect|Connection terminated/.test(error.message)
  );
}
