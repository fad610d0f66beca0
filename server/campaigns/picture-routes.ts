import { Router } from 'express';
import { handle, onlyMethods, param, type Site } from '../web/http.js';
import { hostedPicture } from './hosted-picture.js';

/** Whatever a browser takes it for, nothing in it runs. */
const POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'";
const YEAR_S = 31_536_000;

/** `/i/:token`: a picture of a campaign, the same for everybody. Who fetches it is not noted. */
export function pictureRoutes({ ctx }: Site): Router {
  const routes = Router();
  routes
    .route('/i/:token')
    .get(
      handle(async (req, res) => {
        const { type, body, sha256 } = await hostedPicture(ctx, param(req, 'token'));
        res.setHeader('Content-Security-Policy', POLICY);
        // Mail programs show it on their own pages.
        res.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
        // Its address names its content, which never changes.
        res.setHeader('Cache-Control', `public, max-age=${YEAR_S}, immutable`);
        res.setHeader('ETag', `"${sha256}"`);
        res.setHeader('Content-Type', type);
        res.send(body);
      }),
    )
    .all(onlyMethods('GET', 'HEAD'));
  return routes;
}
