import { Router } from 'express';
import { footerLanguage } from '../campaigns/prepare.js';
import { sendTest } from '../campaigns/send-test.js';
import { footerLanguages } from '../campaigns/words.js';
import { languageNames } from '../web/i18n.js';
import { linkLimit } from '../web/limits.js';
import { fieldsOf, onlyMethods, readForm, sendPage, type Site } from '../web/http.js';
import { sameOrigin } from '../web/origin.js';
import type { StaffDeps } from './campaign-routes.js';
import { campaignOf, campaignPart, footerAsked } from './campaign-view.js';
import { changed, onlyStaff, visited, type Visit } from './screens-visit.js';
import { allStaff, type StaffMember } from './staff.js';

/** So many may get a test at once. */
const MOST = 20;
const KINDS = ['sent', 'deferred', 'refused', 'unknown'] as const;

/** Tests of a campaign, to staff and to nobody else (T11): their addresses are known, since they log in with them. */
export function testRoutes(site: Site, { pool }: Pick<StaffDeps, 'pool'>): Router {
  const routes = Router();
  const staff = onlyStaff(site);
  routes
    .route('/admin/campaigns/:id/test')
    .get(
      staff,
      visited(site, 'campaigns', async (visit) => show(site, visit, false)),
    )
    .post(
      linkLimit(site.ctx),
      [sameOrigin(site), staff, ...readForm],
      changed(site, 'campaigns', async (visit) => send(site, pool, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  return routes;
}

async function show(site: Site, visit: Visit, nobody: boolean): Promise<void> {
  const { req, res, screen, staff } = visit;
  const { campaign, list } = await campaignOf(site, visit);
  const asked = fieldsOf(req)['language'];
  const chosen = asked === undefined ? footerAsked(list, visit) : footerLanguage(list, asked);
  const everybody = await allStaff(site.ctx);
  const count = (kind: string): number => Math.min(MOST, Math.max(0, Math.trunc(Number(req.query[kind])) || 0));
  sendPage(
    site,
    res,
    'admin/test',
    {
      ...screen,
      campaign: campaignPart(campaign, list, visit, 'test'),
      people: everybody.map(({ id, address }) => ({ id, address, isMe: id === staff.id })),
      footers: languageNames(footerLanguages()).map((one) => ({ ...one, isChosen: one.code === chosen })),
      outcomes: KINDS.map((kind) => ({ kind, count: count(kind) })).filter((one) => one.count > 0),
      isFailed: KINDS.some((kind) => kind !== 'sent' && count(kind) > 0),
      nobody,
    },
    nobody ? 422 : 200,
  );
}

async function send(site: Site, pool: StaffDeps['pool'], visit: Visit): Promise<void> {
  const fields = fieldsOf(visit.req);
  const { campaign, list } = await campaignOf(site, visit);
  const href = `/admin/campaigns/${campaign.id}`;
  const language = footerLanguage(list, fields['language'] ?? visit.screen.language);
  const sendTo = async ({ address }: StaffMember): Promise<(typeof KINDS)[number]> =>
    pool ? sendTest(site.ctx, pool, { list, content: campaign, language, to: address }) : 'deferred';
  // The button of the overview: to me.
  if (fields['several'] === undefined) {
    visit.res.redirect(303, `${href}?test=${await sendTo(visit.staff)}`);
    return;
  }
  const chosen = (await allStaff(site.ctx)).filter(({ id }) => fields[`to-${id}`] !== undefined).slice(0, MOST);
  if (chosen.length === 0) {
    await show(site, visit, true);
    return;
  }
  const counts = new Map<string, number>();
  for (const one of chosen) {
    const kind = await sendTo(one);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const told = [...counts].map(([kind, count]) => `&${kind}=${count}`).join('');
  visit.res.redirect(303, `${href}/test?footer=${language}${told}`);
}
