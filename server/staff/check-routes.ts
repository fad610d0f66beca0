import { Router } from 'express';
import { askSpamFilter, checkCampaign, knownSpamScore } from '../campaigns/check.js';
import { finding } from '../campaigns/lint-finding.js';
import { shownFrom } from '../campaigns/shown-from.js';
import { footerLanguages } from '../campaigns/words.js';
import { languageLinks } from '../web/i18n.js';
import { onlyMethods, readForm, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import { audienceFor, campaignOf, campaignPart, footerAsked, hasOpenTags } from './campaign-view.js';
import { findingPart, reachPart, spamPart } from './check-view.js';
import { changed, onlyStaff, visited, type Visit } from './screens-visit.js';

/** The check of a campaign before it is sent. */
export function checkRoutes(site: Site): Router {
  const routes = Router();
  const staff = onlyStaff(site);
  routes
    .route('/admin/campaigns/:id/check')
    .get(
      staff,
      visited(site, 'campaigns', async (visit) => show(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD'));
  routes
    .route('/admin/campaigns/:id/spam')
    .post(
      [sameOrigin(site), staff, ...readForm],
      changed(site, 'campaigns', async (visit) => askFilter(site, visit)),
    )
    .all(onlyMethods('POST'));
  return routes;
}

async function show(site: Site, visit: Visit): Promise<void> {
  const { res, screen, req } = visit;
  const { campaign, list } = await campaignOf(site, visit);
  const language = footerAsked(list, visit);
  const toCheck = { list, content: campaign, language };
  const checked = await checkCampaign(site.ctx, toCheck);
  // Whatever else is good: it is not sent before somebody has looked at them.
  const found = hasOpenTags(campaign) ? [finding('tags-open', 'stop'), ...checked.findings] : checked.findings;
  const count = (sign: string): number => found.filter((one) => one.sign === sign).length;
  const counts = { stop: count('stop'), look: count('look'), good: count('good') };
  const findings = found.map(findingPart);
  const href = `/admin/campaigns/${campaign.id}`;
  const failed = req.query['spam'] === 'failed' ? 'failed' : null;
  sendPage(site, res, 'admin/check', {
    ...screen,
    campaign: campaignPart(campaign, list, visit, 'check'),
    inbox: { from: shownFrom(list, campaign).name, subject: checked.subject, preheader: checked.preheader.text },
    verdict: counts.stop > 0 ? 'stop' : counts.look > 0 ? 'look' : 'good',
    counts,
    wrong: findings.filter(({ isGood }) => !isGood),
    good: findings.filter(({ isGood }) => isGood),
    spam: spamPart(knownSpamScore(site.ctx, toCheck) ?? failed, screen.language),
    spamHref: `${href}/spam?footer=${language}`,
    audience: reachPart(await audienceFor(site, campaign, list, screen.language), screen.language),
    footers: languageLinks(footerLanguages(), language, (code) => `${href}/check?footer=${code}`),
  });
}

async function askFilter(site: Site, visit: Visit): Promise<void> {
  const { campaign, list } = await campaignOf(site, visit);
  const language = footerAsked(list, visit);
  const answer = await askSpamFilter(site.ctx, { list, content: campaign, language });
  const told = answer === 'failed' ? '&spam=failed' : '';
  visit.res.redirect(303, `/admin/campaigns/${campaign.id}/check?footer=${language}${told}#spam`);
}
