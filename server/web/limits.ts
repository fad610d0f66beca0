import type { RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit, type Options } from 'express-rate-limit';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';

const MINUTES = 10;

/** How many sign-ups one connection (an IPv4 address, or a /64) may send in ten minutes (L-12). Leaving is never limited. */
export function signUpLimit(ctx: Context): RequestHandler {
  return limit(ctx, 40);
}

/** The same for asking for a link, with a budget of its own, so that it cannot be burnt by sign-ups (T8). */
export function linkLimit(ctx: Context): RequestHandler {
  return limit(ctx, 30);
}

/** And for passwords. */
export function loginLimit(ctx: Context): RequestHandler {
  return limit(ctx, 20);
}

/** Of requests to the addresses of providers that were refused: whoever knows how to sign is not limited. */
export function webhookLimit(ctx: Context): RequestHandler {
  return limit(ctx, 100, { skipSuccessfulRequests: true });
}

function limit(ctx: Context, most: number, more: Partial<Options> = {}): RequestHandler {
  if (!ctx.config.abuseLimits) return (_req, _res, next) => next();
  return rateLimit({
    ...more,
    windowMs: MINUTES * 60_000,
    limit: most,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: (req) => ipKeyGenerator(req.ip ?? '', 64),
    handler: () => {
      throw new Refusal('too-many', 'There were too many tries from your connection.', {
        retryAt: new Date(ctx.now().getTime() + MINUTES * 60_000),
      });
    },
  });
}
