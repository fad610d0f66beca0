import type { Request, RequestHandler } from 'express';
import { Refusal } from '../errors.js';
import type { Site } from './http.js';

/** Refuses a post that comes from another site, as the browser itself says. Forms carry a token as well. */
export function sameOrigin(site: Pick<Site, 'ctx'>): RequestHandler {
  return (req, _res, next) => {
    const fetchSite = req.get('sec-fetch-site');
    const origin = req.get('origin');
    // What the browser says of itself decides; only old ones, and plain http, leave it to the origin.
    const isOurs =
      fetchSite === undefined
        ? origin === undefined || hostsOf(site, req).includes(hostOfOrigin(origin))
        : fetchSite === 'same-origin';
    next(isOurs ? undefined : new Refusal('ticket-invalid', 'The form comes from another site.'));
  };
}

// The Host header of a browser cannot be set by another site, so it may say what "same" means.
function hostsOf(site: Pick<Site, 'ctx'>, req: Request): string[] {
  return [new URL(site.ctx.publicUrl).host, req.get('host') ?? ''];
}

function hostOfOrigin(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : 'none';
}
