import type { Request, Response } from 'express';
import type { Context } from '../context.js';

/**
 * Over https a cookie is `__Host-` and Secure (T9). Over plain http, which only the demo on loopback speaks, some browsers would drop such a cookie.
 */
function nameOf(ctx: Pick<Context, 'publicUrl'>, name: string): string {
  return isSecure(ctx) ? `__Host-zgoda_${name}` : `zgoda_${name}`;
}

/** Sets a session cookie: never readable by scripts, never sent along from other sites. */
export function setCookie(
  ctx: Pick<Context, 'publicUrl'>,
  res: Response,
  name: string,
  value: string,
  lifetimeMs: number,
): void {
  res.cookie(nameOf(ctx, name), value, {
    httpOnly: true,
    sameSite: 'strict',
    secure: isSecure(ctx),
    path: '/',
    maxAge: lifetimeMs,
  });
}

/** Takes a cookie back. */
export function clearCookie(ctx: Pick<Context, 'publicUrl'>, res: Response, name: string): void {
  res.clearCookie(nameOf(ctx, name), { httpOnly: true, sameSite: 'strict', secure: isSecure(ctx), path: '/' });
}

/** The value of one of our cookies. */
export function cookieOf(ctx: Pick<Context, 'publicUrl'>, req: Request, name: string): string | undefined {
  const wanted = `${nameOf(ctx, name)}=`;
  const pairs = (req.get('cookie') ?? '').slice(0, 8192).split(/; */);
  return pairs.find((pair) => pair.startsWith(wanted))?.slice(wanted.length);
}

function isSecure(ctx: Pick<Context, 'publicUrl'>): boolean {
  return ctx.publicUrl.startsWith('https:');
}
