import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { RequestHandler } from 'express';
import helmet from 'helmet';
import { ROOT } from '../config.js';
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

/** Headers of the one page among the files: what is in it may run, it may ask nobody, and it is looked for anew each time. */
export function pageHeaders(): (res: ServerResponse, path: string) => void {
  const html = readFileSync(join(ROOT, 'public', 'verify.html'), 'utf8');
  const hashOf = (tag: string): string => {
    const inside = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)?.[1] ?? '';
    return `'sha256-${createHash('sha256').update(inside).digest('base64')}'`;
  };
  const policy = [
    ...["default-src 'none'", "connect-src 'none'", `script-src ${hashOf('script')}`, `style-src ${hashOf('style')}`],
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ].join('; ');
  return (res, path) => {
    if (!path.endsWith('verify.html')) return;
    res.setHeader('Content-Security-Policy', policy);
    res.setHeader('Cache-Control', 'no-cache');
  };
}
