import { Router } from 'express';
import { markOf } from '../campaigns/draft-mark.js';
import { changeDraft } from '../campaigns/draft.js';
import { readLocalTime, toLocalTime } from '../campaigns/local-time.js';
import { progress } from '../campaigns/progress.js';
import { steerCampaign, type Steering } from '../campaigns/steer.js';
import { unscheduleCampaign } from '../campaigns/unschedule.js';
import type { ListFacts } from '../consent/catalogue.js';
import { fieldsOf, onlyMethods, readForm, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import type { LoadedCampaign } from './campaign.js';
import { audienceFor, campaignOf, campaignPart } from './campaign-view.js';
import { changeSeen } from './changed-view.js';
import { readPlan, warmUpDays } from './plan-form.js';
import type { PlanMistake, PlanScreen } from './plan-views.js';
import { changed, onlyMarketers, onlyStaff, visited, type Visit } from './screens-visit.js';

type Loaded = { campaign: LoadedCampaign; list: ListFacts };

/** When and how fast a campaign goes out, and what can be done while it does. */
export function planRoutes(site: Site): Router {
  const routes = Router();
  const staff = onlyStaff(site);
  const post = [sameOrigin(site), staff, ...readForm];
  const see = (show: (visit: Visit) => Promise<void>) => [staff, visited(site, 'campaigns', show)];
  const act = (change: (visit: Visit) => Promise<void>) => [...post, changed(site, 'campaigns', change)];
  const methods = onlyMethods('GET', 'HEAD', 'POST');
  routes
    .route('/admin/campaigns/:id/plan')
    .get(see(async (visit) => showPlan(site, visit)))
    .post(act(async (visit) => savePlan(site, visit)))
    .all(methods);
  routes
    .route('/admin/campaigns/:id/cancel')
    .get(see(onlyMarketers(async (visit) => askToCancel(site, visit))))
    .post(act(async (visit) => steer(site, visit, 'cancel')))
    .all(methods);
  for (const step of ['pause', 'resume'] as const)
    routes
      .route(`/admin/campaigns/:id/${step}`)
      .post(act(async (visit) => steer(site, visit, step)))
      .all(onlyMethods('POST'));
  routes
    .route('/admin/campaigns/:id/unschedule')
    .post(
      act(async (visit) => {
        const { campaign } = await campaignOf(site, visit);
        await unscheduleCampaign(site.ctx, campaign.id, visit.staff.id);
        back(visit, campaign);
      }),
    )
    .all(onlyMethods('POST'));
  return routes;
}

async function showPlan(site: Site, visit: Visit): Promise<void> {
  const { campaign, list } = await campaignOf(site, visit);
  const { at, perSecond, warmUp, tryForHours, onUnknown } = campaign.settings.sending ?? {};
  const fields = {
    ...(at === undefined ? {} : { when: 'at', at: toLocalTime(new Date(at), list.organisation.timeZone) }),
    ...{ perSecond: String(perSecond ?? ''), warmUp: String(warmUp ?? ''), tryForHours: String(tryForHours ?? '') },
    onUnknown: onUnknown ?? 'again',
  };
  sendPage(site, visit.res, 'admin/plan', await planScreen(site, visit, { campaign, list }, fields, []));
}

async function savePlan(site: Site, visit: Visit): Promise<void> {
  const { campaign, list } = await campaignOf(site, visit);
  const fields = fieldsOf(visit.req);
  const { plan, errors } = readPlan(fields, { zone: list.organisation.timeZone, now: site.ctx.now() });
  if (errors.length > 0) {
    sendPage(site, visit.res, 'admin/plan', await planScreen(site, visit, { campaign, list }, fields, errors), 422);
    return;
  }
  const change = { settings: { sending: plan } };
  const isSaved = await changeSeen(site, visit, { part: 'sending', plan }, async (seen) =>
    changeDraft(site.ctx, campaign.id, change, seen),
  );
  if (isSaved) visit.res.redirect(303, `/admin/campaigns/${campaign.id}/plan?saved=yes`);
}

async function planScreen(
  site: Site,
  visit: Visit,
  { campaign, list }: Loaded,
  fields: Readonly<Record<string, string>>,
  errors: readonly PlanMistake[],
): Promise<PlanScreen> {
  const { at, warmUp } = campaign.settings.sending ?? {};
  const zone = list.organisation.timeZone;
  const { reached } = await audienceFor(site, campaign, list, visit.screen.language);
  const text = (name: string): string => fields[name] ?? '';
  return {
    ...{ ...visit.screen, zone, errors, people: reached },
    campaign: campaignPart(campaign, list, visit, 'plan'),
    seen: fields['seen'] ?? markOf(campaign, 'sending'),
    wrong: Object.fromEntries(errors.map((error) => [error.field, error])),
    isSaved: visit.req.query['saved'] === 'yes',
    canChange: campaign.state === 'draft' && (visit.screen.staff?.isMarketer ?? false),
    isAt: fields['when'] === 'at',
    shown: fields['shown'] ?? text('at'),
    ...{ at: text('at'), perSecond: text('perSecond'), warmUp: text('warmUp'), tryForHours: text('tryForHours') },
    startsAt: at === undefined ? null : new Date(at),
    isTwice: at !== undefined && readLocalTime(toLocalTime(new Date(at), zone), zone)?.kind === 'twice',
    usualHours: site.ctx.config.sending.retryHours,
    isLeave: fields['onUnknown'] === 'leave',
    days: warmUp === undefined ? [] : warmUpDays(warmUp, reached).map((count, index) => ({ day: index + 1, count })),
  };
}

async function askToCancel(site: Site, visit: Visit): Promise<void> {
  const { campaign, list } = await campaignOf(site, visit);
  const now = await progress(site.ctx, campaign.id);
  if (!['scheduled', 'sending', 'paused'].includes(campaign.state)) {
    back(visit, campaign);
    return;
  }
  sendPage(site, visit.res, 'admin/cancel', {
    ...visit.screen,
    campaign: campaignPart(campaign, list, visit, 'plan'),
    answered: now.queued - now.waiting - now.sending - now.deferred,
    waiting: now.waiting + now.sending + now.deferred,
    isWaiting: campaign.state === 'scheduled',
  });
}

async function steer(site: Site, visit: Visit, step: Steering): Promise<void> {
  const { campaign } = await campaignOf(site, visit);
  await steerCampaign(site.ctx, campaign.id, step, visit.staff.id);
  back(visit, campaign);
}

function back({ res }: Visit, { id }: LoadedCampaign): void {
  res.redirect(303, `/admin/campaigns/${id}`);
}
