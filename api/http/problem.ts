import { STATUS_CODES } from 'node:http';

/** One fault of a request. `pointer` is a JSON pointer (RFC 6901) into the part that `in` names. */
export interface Fault {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
  readonly in?: 'body' | 'query' | 'path' | 'header';
}

/** Codes of problems, each with its one HTTP status (HTTP contract, Conventions). */
const STATUS_OF = {
  INVALID_REQUEST: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN_ROLE: 403,
  NOT_FOUND: 404,
  CONFLICT_STATE: 409,
  QUOTE_EXPIRED: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  IDEMPOTENCY_MISMATCH: 422,
  ENROLMENT_CODE_INVALID: 422,
  CURRENCY_FIXED: 422,
  REFUND_EXCEEDS_REMAINING: 422,
  REFUND_WINDOW_CLOSED: 422,
  REFUND_REFUSED_BY_ISSUER: 422,
  REFUND_GIVEN_UP: 422,
  ACCOUNT_SUSPENDED: 422,
  INSUFFICIENT_FUNDS: 422,
  CURRENCY_NOT_HELD: 422,
  REPAYMENT_EXCEEDS_REMAINING: 422,
  REPAYMENT_ID_TAKEN: 422,
  REPAYMENT_NOT_OFFERED: 422,
  REPAYMENT_REFUSED_BY_ISSUER: 422,
  REPAYMENT_GIVEN_UP: 422,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  UNAVAILABLE: 503,
} as const satisfies Record<string, number>;

export type ProblemCode = keyof typeof STATUS_OF;

/** A problem on its way to the caller as RFC 9457 `application/problem+json`. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly faults: readonly Fault[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    more: { faults?: readonly Fault[]; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail);
    this.code = code;
    this.status = STATUS_OF[code];
    this.faults = more.faults ?? [];
    this.headers = more.headers ?? {};
  }

  /** The body; `type` names the code's place in the documentation. */
  body(requestId: string): Record<string, unknown> {
    return {
      type: `/docs/problems#${this.code.toLowerCase().replaceAll('_', '-')}`,
      title: STATUS_CODES[this.status] ?? 'Error',
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(this.faults.length === 0 ? {} : { errors: this.faults }),
      requestId,
    };
  }
}

/** 400 with every fault that is known. */
export function invalidRequest(faults: readonly Fault[]): Problem {
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  return new Problem('INVALID_REQUEST', `The request has ${count}; nothing was changed.`, { faults });
}

/** 404, also for what belongs to somebody else. */
export function notFound(what: string): Problem {
  return new Problem('NOT_FOUND', `There is no such ${what}.`);
}

/** 422 for an id that was used with another body. */
export function idempotencyMismatch(idName: string): Problem {
  return new Problem('IDEMPOTENCY_MISMATCH', `This ${idName} was used before with another body.`);
}

/** 503: nothing is known to have changed; the same request may be sent again. */
export function unavailable(detail: string): Problem {
  return new Problem('UNAVAILABLE', detail, { headers: { 'retry-after': '2' } });
}

/** Every problem code with its status, for the documentation. */
export const PROBLEMS: Readonly<Record<ProblemCode, number>> = STATUS_OF;
