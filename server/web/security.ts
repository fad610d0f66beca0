import type { RequestHandler } from 'express';
import helmet from 'helmet';
import type { Context } from '../context.js';

/** Headers of every answer: nothing from elsewhere, nothing inline, not to be framed, no referrer; and those of all pages: not to be indexed or kept (W-01, L-09). */
export function securityHeaders(ctx: Pick<Context, 'publicUrl'>): [RequestHandler, RequestHandler] {
  const isTls = ctx.publicUrl.startsWith('https:');
  const headers = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'style-src': ["'self'"],
        'img-src': ["'self'"],
        'script-src': ["'self'"],
        'connect-src': ["'self'"],
        'frame-src': ["'self'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
        'base-uri': ["'none'"],
        ...(isTls ? { 'upgrade-insecure-requests': [] } : {}),
      },
    },
    strictTransportSecurity: isTls,
    referrerPolicy: { policy: 'no-referrer' },
  });
  const quiet: RequestHandler = (_req, res, next) => {
    res.setHeader('Cache-Control', 'no-store');
    res.setHeader('X-Robots-Tag', 'noindex, nofollow, noarchive');
    next();
  };
  return [headers, quiet];
}
