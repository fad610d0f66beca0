import { Router } from 'express';
import { askRelease, returnDraft } from '../campaigns/ask-release.js';
import { releaseCampaign } from '../campaigns/release.js';
import { fieldsOf, onlyMethods, readForm, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { audienceFor, campaignOf, campaignPart, hasOpenTags, releasePart, startsLater } from './campaign-view.js';
import { changed, onlyStaff, visited, type Visit } from './screens-visit.js';

/** Letting a campaign go: by whoever asks, or by a second person where the organisation wants that. */
export function releaseRoutes(site: Site): Router {
  const routes = Router();
  const staff = onlyStaff(site);
  const posted = [sameOrigin(site), staff, ...readForm];
  const post = (path: string, what: (visit: Visit) => Promise<void>): void => {
    routes
      .route(path)
      .post(posted, changed(site, 'campaigns', what))
      .all(onlyMethods('POST'));
  };
  routes
    .route('/admin/campaigns/:id/send')
    .get(
      staff,
      visited(site, 'campaigns', async (visit) => askToSend(site, visit)),
    )
    .post(
      posted,
      changed(site, 'campaigns', async (visit) => send(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  post('/admin/campaigns/:id/ask', async (visit) => {
    const { campaign } = await campaignOf(site, visit);
    await askRelease(site.ctx, campaign.id, visit.staff.id);
    visit.res.redirect(303, `/admin/campaigns/${campaign.id}`);
  });
  post('/admin/campaigns/:id/return', async (visit) => {
    const { campaign } = await campaignOf(site, visit);
    await returnDraft(site.ctx, campaign.id, { staffId: visit.staff.id, note: fieldsOf(visit.req)['note'] ?? '' });
    visit.res.redirect(303, `/admin/campaigns/${campaign.id}`);
  });
  return routes;
}

async function askToSend(site: Site, visit: Visit): Promise<void> {
  const { campaign, list } = await campaignOf(site, visit);
  if (campaign.state !== 'draft') {
    visit.res.redirect(303, `/admin/campaigns/${campaign.id}`);
    return;
  }
  if (hasOpenTags(campaign)) {
    visit.res.redirect(303, `/admin/campaigns/${campaign.id}/tags`);
    return;
  }
  sendPage(site, visit.res, 'admin/send', {
    ...{ ...visit.screen, zone: list.organisation.timeZone },
    campaign: campaignPart(campaign, list, visit, 'send'),
    startsAt: startsLater(campaign, site.ctx.now()),
    audience: await audienceFor(site, campaign, list, visit.screen.language),
    release: await releasePart(site, campaign, list, visit),
  });
}

async function send(site: Site, visit: Visit): Promise<void> {
  const { campaign } = await campaignOf(site, visit);
  if (hasOpenTags(campaign)) {
    visit.res.redirect(303, `/admin/campaigns/${campaign.id}/tags`);
    return;
  }
  await releaseCampaign(site.ctx, campaign.id, visit.staff.id);
  visit.res.redirect(303, `/admin/campaigns/${campaign.id}`);
}
