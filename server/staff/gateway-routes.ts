import { Router } from 'express';
import { catalogue, textOf, type OrganisationFacts } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { credentialsOf } from '../gateway/credential.js';
import { recentMails, type RecentMail } from '../gateway/recent-mails.js';
import { onlyMethods, sendPage, type Site } from '../web/http.js';
import type { StaffDeps } from './campaign-routes.js';
import { tailMail } from './gateway-view.js';
import type { TailPart } from './gateway-views.js';
import { makePersonRef } from './person-ref.js';
import { sendEvents } from './screens-live.js';
import { onlyStaff, staffCookie, visited, type Visit } from './screens-visit.js';

/** Mails on the screen at once. */
const MOST_MAILS = 30;
/** Recipients of one mail. */
const MOST_PEOPLE = 10;

/** What came in at the gateway, and what became of it, as it happens. */
export function gatewayRoutes(site: Site, deps: Pick<StaffDeps, 'signal'>): Router {
  const routes = Router();
  routes
    .route('/admin/gateway')
    .get(
      onlyStaff(site),
      visited(site, 'gateway', async (visit) => show(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD'));
  routes
    .route('/admin/gateway/events')
    .get(
      onlyStaff(site),
      visited(site, 'gateway', async (visit) => showEvents(site, deps, visit)),
    )
    .all(onlyMethods('GET', 'HEAD'));
  return routes;
}

async function show(site: Site, visit: Visit): Promise<void> {
  const { req, res, screen } = visit;
  const { chosen, all } = await organisationOf(site, visit);
  const before = readMoment(req.query['before']);
  const mails = await mailsOf(site, chosen, before);
  const hrefOf = (slug: string, rest = ''): string => `/admin/gateway?organisation=${slug}${rest}`;
  const oldest = mails.length === MOST_MAILS ? mails.at(-1) : undefined;
  sendPage(site, res, 'admin/gateway', {
    ...screen,
    tail: await tailPart(site, visit, chosen, mails),
    eventsHref: `/admin/gateway/events?organisation=${chosen.slug}`,
    reloadHref: hrefOf(chosen.slug),
    olderHref: oldest ? hrefOf(chosen.slug, `&before=${oldest.receivedAt.getTime()}`) : null,
    isOlder: before !== undefined,
    organisations:
      all.length > 1
        ? all.map((one) => ({ name: one.name, href: hrefOf(one.slug), isChosen: one.id === chosen.id }))
        : [],
    credentials: (await credentialsOf(site.ctx, chosen.id)).filter(({ revokedAt }) => revokedAt === null).length,
  });
}

async function showEvents(site: Site, { signal }: Pick<StaffDeps, 'signal'>, visit: Visit): Promise<void> {
  const { chosen } = await organisationOf(site, visit);
  const reader = { secret: staffCookie(site, visit.req), ...(signal ? { signal } : {}) };
  // Whoever asks for a page gets the state of this moment.
  const isLive = visit.req.get('accept')?.includes('text/event-stream') === true;
  let seen = '';
  let html = '';
  await sendEvents(site, visit.res, reader, async () => {
    const mails = await mailsOf(site, chosen, undefined);
    // The links to people are made anew each time: what was seen is compared without them.
    const now = JSON.stringify(mails);
    if (now !== seen) html = site.renderer.fragment('admin-tail', await tailPart(site, visit, chosen, mails));
    seen = now;
    return { html, isOver: !isLive };
  });
}

async function mailsOf(site: Site, organisation: OrganisationFacts, before: Date | undefined): Promise<RecentMail[]> {
  const wish = { limit: MOST_MAILS, people: MOST_PEOPLE, ...(before ? { before } : {}) };
  return recentMails(site.ctx, organisation, wish);
}

async function tailPart(
  site: Site,
  { screen, staff }: Visit,
  { id: organisationId }: OrganisationFacts,
  mails: readonly RecentMail[],
): Promise<TailPart> {
  const { lists } = await catalogue(site.ctx);
  const listName = (slug: string): string => {
    const list = lists.find((one) => one.slug === slug);
    return list ? textOf(list, screen.language).name : slug;
  };
  const hrefOf = (subscriberId: string): string =>
    `/admin/people/${makePersonRef(site.ctx, staff.id, { organisationId, subscriberId, address: null })}`;
  return {
    ...{ language: screen.language, zone: screen.zone },
    mails: mails.map((mail) => tailMail(mail, { listName, hrefOf })),
  };
}

async function organisationOf(
  site: Site,
  { req }: Visit,
): Promise<{ chosen: OrganisationFacts; all: readonly OrganisationFacts[] }> {
  const { organisations: all } = await catalogue(site.ctx);
  const chosen = all.find(({ slug }) => slug === req.query['organisation']) ?? all[0];
  if (!chosen) throw new Refusal('not-found', 'There is no organisation yet.');
  return { chosen, all };
}

function readMoment(text: unknown): Date | undefined {
  return typeof text === 'string' && /^\d{10,14}$/.test(text) ? new Date(Number(text)) : undefined;
}
