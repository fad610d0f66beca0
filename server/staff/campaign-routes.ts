import { Router } from 'express';
import { audienceOf } from '../campaigns/audience.js';
import { withPictures } from '../campaigns/content.js';
import { footerLanguage } from '../campaigns/prepare.js';
import { footerLanguages } from '../campaigns/words.js';
import { progress } from '../campaigns/progress.js';
import { releaseCampaign } from '../campaigns/release.js';
import { previewOf } from '../campaigns/sample.js';
import { sendTest } from '../campaigns/send-test.js';
import { catalogue, listById, textOf, type ListFacts } from '../consent/catalogue.js';
import type { WayOut } from '../delivery/deliver.js';
import { CLIPPED_BYTES } from '../mail/clipping.js';
import { linkLimit } from '../web/limits.js';
import { onlyMethods, param, readForm, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { languageLinks } from '../web/i18n.js';
import { loadCampaign, type LoadedCampaign } from './campaign.js';
import { listCampaigns, PAGE_SIZE } from './campaign-list.js';
import { livePart } from './live-part.js';
import { steerPart } from './campaign-steer.js';
import { audiencePart, filterInWords } from './audience-part.js';
import { progressPart } from './campaign-part.js';
import { sendLive } from './screens-live.js';
import type { AudiencePart, CampaignScreen } from './views.js';
import { changed, onlyStaff, staffCookie, visited, type Visit } from './screens-visit.js';

/** What staff screens need beside the site. */
export interface StaffDeps {
  /** For tests that staff send to themselves; null where no worker runs in this process. */
  readonly pool: WayOut | null;
  /** Ends live answers when the service stops. */
  readonly signal?: AbortSignal;
}

/** Campaigns: overview, preview, test, release and progress. */
export function campaignRoutes(site: Site, deps: StaffDeps): Router {
  const routes = Router();
  const staff = onlyStaff(site);
  const post = [sameOrigin(site), staff, ...readForm];
  const get = (path: string, show: (visit: Visit) => Promise<void>): void => {
    routes
      .route(path)
      .get(staff, visited(site, 'campaigns', show))
      .all(onlyMethods('GET', 'HEAD'));
  };
  get('/admin', async (visit) => showAll(site, visit));
  get('/admin/campaigns/:id', async (visit) => showOne(site, visit));
  get('/admin/campaigns/:id/preview', async (visit) => showPreview(site, visit));
  get('/admin/campaigns/:id/events', async (visit) => showEvents(site, deps, visit));
  routes
    .route('/admin/campaigns/:id/test')
    .post(
      linkLimit(site.ctx),
      post,
      changed(site, 'campaigns', async (visit) => test(site, deps.pool, visit)),
    )
    .all(onlyMethods('POST'));
  routes
    .route('/admin/campaigns/:id/send')
    .get(
      staff,
      visited(site, 'campaigns', async (visit) => askToSend(site, visit)),
    )
    .post(
      post,
      changed(site, 'campaigns', async (visit) => send(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

async function showAll(site: Site, { req, res, screen }: Visit): Promise<void> {
  const page = Math.min(Math.max(Math.trunc(Number(req.query['page'])) || 1, 1), 100_000);
  const [{ count, campaigns }, { lists }] = await Promise.all([listCampaigns(site.ctx, page), catalogue(site.ctx)]);
  const nameOf = (id: string): string => {
    const list = lists.find((one) => one.id === id);
    return list ? textOf(list, screen.language).name : '';
  };
  sendPage(site, res, 'admin/campaigns', {
    ...screen,
    count,
    campaigns: campaigns.map((one) => ({ ...one, href: `/admin/campaigns/${one.id}`, list: nameOf(one.listId) })),
    newerHref: page > 1 ? `/admin?page=${page - 1}` : null,
    olderHref: count > page * PAGE_SIZE ? `/admin?page=${page + 1}` : null,
  });
}

async function showOne(site: Site, visit: Visit): Promise<void> {
  const { req, res, screen, staff } = visit;
  const { campaign, list } = await load(site, visit);
  const { language, zone } = screen;
  const footer = footerOf(list, visit);
  const images = req.query['images'] === 'on';
  const href = `/admin/campaigns/${campaign.id}`;
  const here = (code: string, shown: boolean): string => `${href}?footer=${code}${shown ? '&images=on' : ''}`;
  const { html, text } = previewOf(site.ctx, list, campaign, footer);
  const isDraft = campaign.state === 'draft';
  const now = isDraft ? null : await progress(site.ctx, campaign.id);
  const told = req.query['test'];
  const htmlBytes = Buffer.byteLength(html);
  sendPage(site, res, 'admin/campaign', {
    ...screen,
    campaign: campaignPart(campaign, list, visit),
    audience: isDraft ? await audienceFor(site, campaign, list, language) : null,
    progress: now && progressPart(now, language, zone, await livePart(site.ctx, now)),
    steer: now && (await steerPart(site.ctx, campaign, now, screen)),
    test:
      told === 'sent' || told === 'deferred' || told === 'refused' || told === 'unknown'
        ? { kind: told, to: staff.address }
        : null,
    preview: {
      src: `${href}/preview?footer=${footer}${images ? '&images=on' : ''}`,
      text,
      htmlBytes,
      textBytes: Buffer.byteLength(text),
      isClipped: htmlBytes > CLIPPED_BYTES,
      languages: languageLinks(footerLanguages(), footer, (code) => here(code, images)),
      images: { isShown: images, href: here(footer, !images) },
    },
  });
}

/** The mail itself, in a frame in which nothing runs; pictures from elsewhere only when they were asked for. */
async function showPreview(site: Site, visit: Visit): Promise<void> {
  const { req, res } = visit;
  const { campaign, list } = await load(site, visit);
  const pictures = req.query['images'] === 'on' ? 'data: https: http:' : 'data:';
  res.setHeader(
    'Content-Security-Policy',
    `sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src ${pictures}; frame-ancestors 'self'; form-action 'none'; base-uri 'none'`,
  );
  res.setHeader('X-Frame-Options', 'SAMEORIGIN');
  const whole = await withPictures(site.ctx.db, campaign);
  res.type('html').send(previewOf(site.ctx, list, whole, footerOf(list, visit)).html);
}

async function showEvents(site: Site, deps: StaffDeps, visit: Visit): Promise<void> {
  const { req, res, screen } = visit;
  const { campaign } = await load(site, visit);
  await sendLive(site, res, {
    id: campaign.id,
    secret: staffCookie(site, req),
    language: screen.language,
    zone: screen.zone,
    ...(deps.signal ? { signal: deps.signal } : {}),
  });
}

async function test(site: Site, pool: WayOut | null, visit: Visit): Promise<void> {
  const { campaign, list } = await load(site, visit);
  const mail = { list, content: campaign, language: visit.screen.language, to: visit.staff.address };
  const kind = pool ? await sendTest(site.ctx, pool, mail) : 'deferred';
  visit.res.redirect(303, `/admin/campaigns/${campaign.id}?test=${kind}`);
}

async function askToSend(site: Site, visit: Visit): Promise<void> {
  const { campaign, list } = await load(site, visit);
  if (campaign.state !== 'draft') {
    visit.res.redirect(303, `/admin/campaigns/${campaign.id}`);
    return;
  }
  if (campaign.tags && !campaign.tags.isAccepted) {
    visit.res.redirect(303, `/admin/campaigns/${campaign.id}/tags`);
    return;
  }
  sendPage(site, visit.res, 'admin/send', {
    ...visit.screen,
    campaign: campaignPart(campaign, list, visit),
    audience: await audienceFor(site, campaign, list, visit.screen.language),
  });
}

async function audienceFor(
  { ctx }: Site,
  { settings }: LoadedCampaign,
  list: ListFacts,
  language: string,
): Promise<AudiencePart> {
  const audience = await audienceOf(ctx, list.id, settings.audience);
  return audiencePart(audience, filterInWords(list, settings.audience, language));
}

async function send(site: Site, visit: Visit): Promise<void> {
  const { campaign } = await load(site, visit);
  if (campaign.tags && !campaign.tags.isAccepted) {
    visit.res.redirect(303, `/admin/campaigns/${campaign.id}/tags`);
    return;
  }
  await releaseCampaign(site.ctx, campaign.id);
  visit.res.redirect(303, `/admin/campaigns/${campaign.id}`);
}

async function load(site: Site, { req }: Visit): Promise<{ campaign: LoadedCampaign; list: ListFacts }> {
  const campaign = await loadCampaign(site.ctx, param(req, 'id'));
  return { campaign, list: await listById(site.ctx, campaign.listId) };
}

/** Which footer the preview shows: the one asked for, else that of the staff member's language. */
function footerOf(list: ListFacts, { req, screen }: Visit): string {
  const asked = req.query['footer'];
  return footerLanguage(list, typeof asked === 'string' ? asked : screen.language);
}

function campaignPart(campaign: LoadedCampaign, list: ListFacts, { screen }: Visit): CampaignScreen['campaign'] {
  return {
    href: `/admin/campaigns/${campaign.id}`,
    subject: campaign.subject,
    list: textOf(list, screen.language).name,
    from: `${list.organisation.name} <${list.organisation.fromAddress}>`,
    fileName: campaign.fileName,
    createdAt: campaign.createdAt,
    isDraft: campaign.state === 'draft',
    hasOpenTags: campaign.state === 'draft' && campaign.tags !== null && !campaign.tags.isAccepted,
    hasTags: campaign.state === 'draft' && campaign.tags !== null,
  };
}
