import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import type { Role } from '../../db/key.ts';
import { principalOf } from './auth.ts';
import { Problem } from './problem.ts';

export type RateLimiter = RequestHandler;

/** Requests per 10 seconds, of one key, or of one address where no key is asked for. Counted in each API process. */
export type RateLimits = Readonly<Record<Role | 'public', number>>;

export const RATE_LIMITS: RateLimits = {
  admin: 5_000,
  merchant: 10_000,
  issuer: 2_000,
  parking: 2_000,
  service: 2_000,
  device: 200,
  public: 500,
};

const WINDOW_MS = 10_000;

export function createRateLimiter(limits: RateLimits): RateLimiter {
  return rateLimit({
    windowMs: WINDOW_MS,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    limit: (_request, response) => limits[principalOf(response)?.role ?? 'public'],
    keyGenerator: (request, response) => principalOf(response)?.keyId ?? addressKey(request, response),
    handler: (_request, response) => {
      const seconds = Number(response.getHeader('retry-after') ?? WINDOW_MS / 1000);
      throw new Problem('RATE_LIMITED', `Too many requests; try again in ${seconds} s.`, {
        headers: { 'retry-after': String(seconds) },
      });
    },
  });
}

/** Guessed keys are counted apart, so that they do not shut an address out of what is open to all. */
function addressKey(request: Request, response: Response): string {
  const isPublic = response.locals.isPublic === true;
  return `${isPublic ? 'public' : 'guess'}:${ipKeyGenerator(request.ip ?? '')}`;
}
