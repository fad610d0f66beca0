import { Router } from 'express';
import { catalogue } from '../consent/catalogue.js';
import { outageOf } from '../delivery/outage.js';
import { REFUSAL_HOURS, recentRefusals } from '../delivery/refusals.js';
import { allDomains } from '../delivery/sending-domains.js';
import { signersOf } from '../delivery/signing.js';
import { dkimRecord } from '../mail/dkim-record.js';
import { onlyMethods, sendPage, type Site } from '../web/http.js';
import { domainRoutes, type ShowSending } from './domain-routes.js';
import type { SendingDomainPart, SendingScreen } from './sending-views.js';
import { onlyStaff, visited } from './screens-visit.js';

/** From whom mail goes out, what must stand in DNS for it, and whether servers refuse us. */
export function sendingRoutes(site: Site): Router {
  const routes = Router();
  const show = showSending(site);
  routes
    .route('/admin/sending')
    .get(
      onlyStaff(site),
      visited(site, 'sending', async (visit) => show(visit, {})),
    )
    .all(onlyMethods('GET', 'HEAD'));
  routes.use(domainRoutes(site, show));
  return routes;
}

function showSending(site: Site): ShowSending {
  return async ({ req, res, screen, staff }, { wrong = null, typed = '', organisation: at = '' }) => {
    const { organisations } = await catalogue(site.ctx);
    const page: SendingScreen = {
      ...screen,
      mayChange: staff.role === 'owner',
      refused: await refusedPart(site),
      outage: await outageOf(site.ctx.db, site.ctx.now()),
      hours: site.ctx.config.sending.retryHours,
      isChecked: req.query['checked'] !== undefined,
      wrong: wrong === null ? null : { what: wrong, field: `domain-${at}` },
      organisations: await Promise.all(
        organisations.map(async (organisation) => ({
          ...{ slug: organisation.slug, name: organisation.name, from: organisation.fromAddress },
          domains: await domainsPart(site, organisation),
          ...{ typed: organisation.slug === at ? typed : '', wrong: organisation.slug === at ? wrong : null },
        })),
      ),
    };
    sendPage(site, res, 'admin/sending', page, wrong === null ? 200 : 422);
  };
}

async function refusedPart({ ctx }: Site): Promise<SendingScreen['refused']> {
  const { reasons, isOpen } = await recentRefusals(ctx.db, ctx.now());
  const count = reasons.reduce((sum, { n }) => sum + n, 0);
  if (count === 0) return null;
  return { hours: REFUSAL_HOURS, count, isOpen, reasons: reasons.map(({ reason, n }) => ({ name: reason, count: n })) };
}

async function domainsPart(
  { ctx }: Site,
  organisation: Parameters<typeof allDomains>[1],
): Promise<SendingDomainPart[]> {
  const domains = await allDomains(ctx, organisation);
  return Promise.all(
    domains.map(async ({ domain, isVerified, isFurther }) => ({
      ...{ domain, isVerified, isFurther },
      removeHref: `/admin/sending/remove?organisation=${organisation.slug}&domain=${encodeURIComponent(domain)}`,
      records: (await signersOf(ctx, organisation, domain)).map(dkimRecord),
    })),
  );
}
