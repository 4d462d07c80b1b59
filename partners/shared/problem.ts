import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { z } from 'zod';

const STATUS_OF = {
  INVALID_REQUEST: 400,
  UNAUTHENTICATED: 401,
  NOT_FOUND: 404,
  CONFLICT_STATE: 409,
  PAYLOAD_TOO_LARGE: 413,
  IDEMPOTENCY_MISMATCH: 422,
  INTERNAL: 500,
} as const satisfies Record<string, number>;

/** A request that cannot be taken, on its way to the caller as RFC 9457 `application/problem+json`. */
export class Problem extends Error {
  readonly code: keyof typeof STATUS_OF;

  constructor(code: keyof typeof STATUS_OF, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** @throws {Problem} that names every fault */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `/${path.map(String).join('/')}: ${message}`);
  throw new Problem('INVALID_REQUEST', faults.join('; '));
}

/** @throws {Problem} if it is not JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Problem('INVALID_REQUEST', 'The body is not JSON.');
  }
}

export const unknownPath: RequestHandler = (request) => {
  throw new Problem('NOT_FOUND', `There is nothing at ${request.method} ${request.path}.`);
};

/** The one place where errors become answers. */
export function createErrorHandler(onError: (error: unknown) => void): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    const problem = toProblem(error);
    if (problem.code === 'INTERNAL') onError(error);
    if (response.headersSent) {
      next(error);
      return;
    }
    const status = STATUS_OF[problem.code];
    const body = { title: STATUS_CODES[status], status, detail: problem.message, code: problem.code };
    response.status(status).type('application/problem+json').send(JSON.stringify(body));
  };
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500;
  if (status === 413) return new Problem('PAYLOAD_TOO_LARGE', 'A body has at most 64 KiB.');
  if (status >= 400 && status < 500) return new Problem('INVALID_REQUEST', 'The request could not be read.');
  return new Problem('INTERNAL', 'Something went wrong here; what became of the request is not known.');
}
