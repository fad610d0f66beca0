import { Router } from 'express';
import { Refusal } from '../errors.js';
import { handle, onlyMethods, param, plainBase, sendPage, type Site } from '../web/http.js';
import { follow } from './follow.js';
import { visitorOf } from './visitor.js';

/** One point, transparent (GIF89a). */
const POINT = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

/** The links of campaigns that are counted: they lead only where the campaign itself leads. */
export function clickRoutes(site: Site): Router {
  const routes = Router();
  const isTls = site.ctx.publicUrl.startsWith('https:');
  routes
    .route('/k/:token')
    .get(
      handle(async (req, res) => {
        const { method, headers } = req;
        const followed = await follow(site.ctx, param(req, 'token'), visitorOf({ method, headers, isTls }));
        if (!followed) throw new Refusal('not-found', 'This link leads nowhere any more.');
        if (followed.kind === 'link') res.redirect(302, followed.url);
        // No links of ours there, which a program would follow as well.
        else if (followed.kind === 'trap')
          sendPage(site, res, 'for-programs', { ...plainBase(site, req), languages: [] });
        else {
          // Mail programs show it on their own pages.
          res.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
          res.type('gif').send(POINT);
        }
      }),
    )
    .all(onlyMethods('GET', 'HEAD'));
  return routes;
}
