import { Router, type Request, type Response } from 'express';
import { openLink } from '../links/token.js';
import { handle, languageOf, onlyMethods, param, sendHtml, type Site } from '../web/http.js';
import { webVersion } from './web-version.js';

/**
 * Nothing in it runs, and it may send nothing; its pictures are loaded as a mail program would. Links open, also those that want a window of their own.
 */
const POLICY = [
  'sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation',
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data: https: http:',
  "frame-ancestors 'none'",
  "form-action 'none'",
  "base-uri 'none'",
].join('; ');

/** `/w/:token`: a campaign as a page, the same for everybody. */
export function webVersionRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/w/:token')
    .get(handle(async (req, res) => show(site, req, res)))
    .all(onlyMethods('GET', 'HEAD'));
  return routes;
}

async function show({ ctx, languages }: Site, req: Request, res: Response): Promise<void> {
  const { ref } = openLink(ctx.keyring, ctx.audiences, 'w', param(req, 'token'), ctx.now());
  const { html } = await webVersion(ctx, ref, languageOf({ languages }, req));
  res.setHeader('Content-Security-Policy', POLICY);
  sendHtml(res, html);
}
