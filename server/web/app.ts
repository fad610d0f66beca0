import { join } from 'node:path';
import express, { type Express, type Router } from 'express';
import { ROOT } from '../config.js';
import { clickRoutes } from '../campaigns/click-routes.js';
import { pictureRoutes } from '../campaigns/picture-routes.js';
import { webVersionRoutes } from '../campaigns/web-routes.js';
import { receiptRoutes } from '../consent/receipt-routes.js';
import { consentRoutes } from '../consent/routes.js';
import { Refusal } from '../errors.js';
import { formRoutes } from '../forms/routes.js';
import { ledgerRoutes } from '../ledger/routes.js';
import { leaveRoutes } from '../preferences/leave-routes.js';
import { magicRoutes } from '../preferences/magic-routes.js';
import { privacyRoutes } from '../preferences/privacy-routes.js';
import { preferenceRoutes } from '../preferences/routes.js';
import { settingsRoutes } from '../preferences/settings-routes.js';
import { errorHandler } from './errors.js';
import { healthRoutes, type Probes } from './health.js';
import { onlyMethods, type Site } from './http.js';
import { pageHeaders, securityHeaders } from './security.js';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;

/** The web edge: every route, in order. `more`: staff screens, the tour and the mailbox, where they are on. */
export function makeApp(site: Site, probes: Probes, more: readonly Router[] = []): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', site.ctx.config.trustProxy);
  app.set('query parser', 'simple');
  const [headers, unkept] = securityHeaders(site.ctx);
  app.use(headers);
  // Their addresses carry a hash of their content: they never change.
  app.use(
    '/public',
    express.static(join(ROOT, 'public'), {
      maxAge: YEAR_MS,
      immutable: true,
      index: false,
      redirect: false,
      cacheControl: true,
      setHeaders: pageHeaders(),
    }),
  );
  app.use((_req, _res, next) => {
    site.ctx.meter.count();
    next();
  });
  // Asked for by browsers beside whatever is no page of ours.
  app
    .route('/favicon.ico')
    .get((_req, res) => res.sendFile(join(ROOT, 'public', 'icon.svg'), { maxAge: DAY_MS }))
    .all(onlyMethods('GET', 'HEAD'));
  app.use(unkept);
  app.use(healthRoutes(site.ctx, probes));
  app.use(clickRoutes(site));
  app.use(formRoutes(site));
  app.use(consentRoutes(site));
  app.use(leaveRoutes(site));
  app.use(preferenceRoutes(site));
  app.use(magicRoutes(site));
  app.use(settingsRoutes(site));
  app.use(privacyRoutes(site));
  app.use(receiptRoutes(site));
  app.use(webVersionRoutes(site));
  app.use(pictureRoutes(site));
  app.use(ledgerRoutes(site));
  for (const routes of more) app.use(routes);
  app.use(() => {
    throw new Refusal('not-found', 'There is no such page.');
  });
  app.use(errorHandler(site));
  return app;
}
