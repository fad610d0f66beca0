import { Router } from 'express';
import { catalogue } from '../consent/catalogue.js';
import { signersOf } from '../delivery/signing.js';
import { dkimRecord } from '../mail/dkim-record.js';
import { onlyMethods, sendPage, type Site } from '../web/http.js';
import { onlyStaff, visited } from './screens-visit.js';

/** From whom mail goes out, and what must stand in DNS for it. */
export function sendingRoutes(site: Site): Router {
  const routes = Router();
  routes
    .route('/admin/sending')
    .get(
      onlyStaff(site),
      visited(site, 'sending', async ({ res, screen }) => {
        const { organisations } = await catalogue(site.ctx);
        const domains = organisations.map(async (organisation) => ({
          organisation: organisation.name,
          from: organisation.fromAddress,
          records: (await signersOf(site.ctx, organisation)).map(dkimRecord),
        }));
        sendPage(site, res, 'admin/sending', { ...screen, domains: await Promise.all(domains) });
      }),
    )
    .all(onlyMethods('GET', 'HEAD'));
  return routes;
}
