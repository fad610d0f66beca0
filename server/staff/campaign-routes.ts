import { Router } from 'express';
import { shownPictures, showPictures, withPictures } from '../campaigns/content.js';
import { choosePlacement } from '../campaigns/choose-placement.js';
import { duplicateCampaign } from '../campaigns/duplicate.js';
import { messagePictures } from '../campaigns/message-pictures.js';
import { webVersionOf } from '../campaigns/prepare.js';
import { readPlacement } from '../campaigns/placement.js';
import { progress } from '../campaigns/progress.js';
import { previewOf } from '../campaigns/sample.js';
import { sampleSubject } from '../campaigns/sample-subject.js';
import { keepTemplate } from '../campaigns/templates.js';
import { catalogue, textOf } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import type { WayOut } from '../delivery/deliver.js';
import { CLIPPED_BYTES } from '../mail/clipping.js';
import { fieldsOf, sendPage, type Site } from '../web/http.js';
import { listCampaigns, PAGE_SIZE, type CampaignSummary } from './campaign-list.js';
import { progressPart } from './campaign-part.js';
import { lookingOf, previewChoices, sendPreview } from './campaign-preview-view.js';
import { steerPart } from './campaign-steer.js';
import { audienceFor, campaignOf, campaignPart, chosenPart, footerAsked, releasePart } from './campaign-view.js';
import { templateName } from './campaign.js';
import { livePart } from './live-part.js';
import { picturesPart } from './pictures-part.js';
import { sendLive } from './screens-live.js';
import { pagesOf } from './screens-pages.js';
import { staffCookie, type Visit } from './screens-visit.js';

/** What staff screens need beside the site. */
export interface StaffDeps {
  /** For tests that staff send to themselves; null where no worker runs in this process. */
  readonly pool: WayOut | null;
  /** Ends live answers when the service stops. */
  readonly signal?: AbortSignal;
}

/** Campaigns: overview, preview, progress, and what is made of one. */
export function campaignRoutes(site: Site, deps: StaffDeps): Router {
  const routes = Router();
  const { get, post } = pagesOf(site, routes, 'campaigns');
  get('/admin', async (visit) => showAll(site, visit));
  get('/admin/campaigns/:id', async (visit) => showOne(site, visit));
  get('/admin/campaigns/:id/preview', async (visit) => showPreview(site, visit));
  get('/admin/campaigns/:id/events', async (visit) => showEvents(site, deps, visit));
  post('/admin/campaigns/:id/duplicate', async ({ req, res }) => {
    res.redirect(
      303,
      `/admin/campaigns/${await duplicateCampaign(site.ctx, (await campaignOf(site, { req })).campaign.id)}`,
    );
  });
  post('/admin/campaigns/:id/pictures', async (visit) => placePictures(site, visit));
  post('/admin/campaigns/:id/keep', async (visit) => keep(site, visit));
  return routes;
}

async function showAll(site: Site, { req, res, screen }: Visit): Promise<void> {
  const page = Math.min(Math.max(Math.trunc(Number(req.query['page'])) || 1, 1), 100_000);
  const [{ count, campaigns }, { lists }] = await Promise.all([listCampaigns(site.ctx, page), catalogue(site.ctx)]);
  const shownAs = ({ id, listId, subject, isMessage }: CampaignSummary): { list: string; subject: string } => {
    const list = lists.find((one) => one.id === listId);
    if (!list) return { list: '', subject };
    const content = { id, subject, message: isMessage ? subject : null };
    return {
      list: textOf(list, screen.language).name,
      subject: sampleSubject(site.ctx, list, content, screen.language),
    };
  };
  sendPage(site, res, 'admin/campaigns', {
    ...screen,
    count,
    campaigns: campaigns.map((one) => ({ ...one, ...shownAs(one), href: `/admin/campaigns/${one.id}` })),
    newerHref: page > 1 ? `/admin?page=${page - 1}` : null,
    olderHref: count > page * PAGE_SIZE ? `/admin?page=${page + 1}` : null,
  });
}

async function showOne(site: Site, visit: Visit): Promise<void> {
  const { req, res, screen, staff } = visit;
  const { campaign, list } = await campaignOf(site, visit);
  const { language, zone } = screen;
  const looking = lookingOf(req, footerAsked(list, visit));
  const href = `/admin/campaigns/${campaign.id}`;
  const { htmlBytes, text } = previewOf(site.ctx, list, campaign, {
    ...{ language: looking.footer, madeUp: looking.person },
  });
  const isDraft = campaign.state === 'draft';
  const now = isDraft ? null : await progress(site.ctx, campaign.id);
  const shown = now && progressPart(now, language, zone, await livePart(site.ctx, now));
  const told = req.query['test'];
  sendPage(site, res, 'admin/campaign', {
    ...screen,
    campaign: campaignPart(campaign, list, visit, 'overview'),
    audience: isDraft ? await audienceFor(site, campaign, list, language) : null,
    release: await releasePart(site, campaign, list, visit),
    plan: isDraft ? chosenPart(campaign, visit) : null,
    isSent: !isDraft && campaign.state !== 'scheduled',
    pictures: picturesPart(campaign, href),
    // None but of what has begun to go out.
    webHref: !shown?.startedAt || campaign.message ? null : webVersionOf(site.ctx, list, campaign.id, looking.footer),
    progress: shown,
    steer: now && steerPart(campaign, now, screen),
    test:
      told === 'sent' || told === 'deferred' || told === 'refused' || told === 'unknown'
        ? { kind: told, to: staff.address }
        : null,
    preview: {
      ...previewChoices(href, looking),
      text,
      htmlBytes,
      textBytes: Buffer.byteLength(text),
      isClipped: htmlBytes >= CLIPPED_BYTES,
    },
  });
}

async function showPreview(site: Site, visit: Visit): Promise<void> {
  const { campaign, list } = await campaignOf(site, visit);
  const { footer, theme, person, images } = lookingOf(visit.req, footerAsked(list, visit));
  const { html } = previewOf(site.ctx, list, campaign, { language: footer, madeUp: person });
  const pictures = campaign.message
    ? messagePictures(campaign.message)
    : shownPictures(await withPictures(site.ctx.db, campaign));
  sendPreview(visit.res, showPictures(html, pictures), { theme, hasPictures: images });
}

async function showEvents(site: Site, deps: StaffDeps, visit: Visit): Promise<void> {
  const { req, res, screen } = visit;
  const { campaign } = await campaignOf(site, visit);
  await sendLive(site, res, {
    id: campaign.id,
    secret: staffCookie(site, req),
    language: screen.language,
    zone: screen.zone,
    ...(deps.signal ? { signal: deps.signal } : {}),
  });
}

/** Keeps the file of a campaign as a template. */
async function keep(site: Site, visit: Visit): Promise<void> {
  const { campaign, list } = await campaignOf(site, visit);
  const fileName = templateName(campaign);
  if (fileName === null) throw new Refusal('campaign-state', 'A finished message is not kept as a template.');
  const id = await keepTemplate(site.ctx, {
    organisationId: list.organisation.id,
    name: fieldsOf(visit.req)['name']?.trim() ? (fieldsOf(visit.req)['name'] ?? '') : campaign.subject.slice(0, 100),
    fileName,
    source: campaign.source,
    madeBy: visit.staff.id,
  });
  visit.res.redirect(303, `/admin/templates/${id}`);
}

async function placePictures(site: Site, visit: Visit): Promise<void> {
  const { campaign } = await campaignOf(site, visit);
  const placement = readPlacement(fieldsOf(visit.req)['pictures']);
  if (placement && campaign.pictures?.length) await choosePlacement(site.ctx, campaign.id, placement);
  visit.res.redirect(303, `/admin/campaigns/${campaign.id}`);
}
