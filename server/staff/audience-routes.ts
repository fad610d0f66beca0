import { Router } from 'express';
import { audienceOf } from '../campaigns/audience.js';
import { checkFilter } from '../campaigns/check-filter.js';
import { chooseAudience } from '../campaigns/choose-audience.js';
import { markOf } from '../campaigns/draft-mark.js';
import { saveSegment, segmentsOf } from '../campaigns/segments.js';
import type { AudienceFilter } from '../campaigns/settings.js';
import { attributeLabel } from '../consent/attributes.js';
import { inWords, type ListFacts } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { fieldsOf, onlyMethods, readForm, sendPage, type Site } from '../web/http.js';
import { languageNames } from '../web/i18n.js';
import { sameOrigin } from '../web/origin.js';
import { audiencePart, filterInWords } from './audience-part.js';
import { dayIn, filterInQuery, queryOf } from './audience-query.js';
import type { AudienceScreen } from './audience-views.js';
import type { LoadedCampaign } from './campaign.js';
import { campaignOf, campaignPart } from './campaign-view.js';
import { changeSeen } from './changed-view.js';
import { changed, onlyStaff, visited, type Visit } from './screens-visit.js';

/** Whom of a list a draft goes to: asked for in the address, counted, then taken, or kept as a segment. */
export function audienceRoutes(site: Site): Router {
  const routes = Router();
  const post = [sameOrigin(site), onlyStaff(site), ...readForm];
  routes
    .route('/admin/campaigns/:id/audience')
    .get(
      onlyStaff(site),
      visited(site, 'campaigns', async (visit) => show(site, visit)),
    )
    .post(
      post,
      changed(site, 'campaigns', async (visit) => take(site, visit)),
    )
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  routes
    .route('/admin/campaigns/:id/segments')
    .post(
      post,
      changed(site, 'campaigns', async (visit) => keep(site, visit)),
    )
    .all(onlyMethods('POST'));
  return routes;
}

async function show(site: Site, visit: Visit, isNameWrong = false): Promise<void> {
  const { req, res, screen } = visit;
  const { campaign, list } = await campaignOf(site, visit);
  if (campaign.state !== 'draft') {
    res.redirect(303, hrefOf(campaign));
    return;
  }
  const zone = list.organisation.timeZone;
  // Without a query the page begins with what the campaign has; an emptied form sends its fields all the same.
  const given = Object.keys(req.query).some((name) => name !== 'lang' && name !== 'seen')
    ? filterInQuery(req.query, zone)
    : (campaign.settings.audience ?? {});
  const filter = tried(() => checkFilter(list, given));
  const audience = filter && (await audienceOf(site.ctx, list.id, filter));
  const query = filter ? queryOf(filter, zone) : '';
  const segments = await segmentsOf(site.ctx, list.id);
  const page: AudienceScreen = {
    ...screen,
    campaign: campaignPart(campaign, list, visit, 'audience'),
    query: `?${query === '' ? 'all' : query}`,
    ...fieldsFor(list, filter ?? typedIn(list, given), screen.language),
    audience: audience && audiencePart(audience, filterInWords(list, filter, screen.language)),
    segments: segments.map(({ name, filter: kept }) => ({
      name,
      href: `${hrefOf(campaign)}/audience?${queryOf(kept, zone)}`,
    })),
    isSaved: 'saved' in req.query,
    isNameWrong,
    seen: typeof req.query['seen'] === 'string' ? req.query['seen'] : markOf(campaign, 'audience'),
  };
  sendPage(site, res, 'admin/audience', page, filter && !isNameWrong ? 200 : 422);
}

async function take(site: Site, visit: Visit): Promise<void> {
  const { campaign, list } = await campaignOf(site, visit);
  const filter = checkFilter(list, filterInQuery(visit.req.query, list.organisation.timeZone));
  const isTaken = await changeSeen(site, visit, { part: 'audience', filter }, async (seen) =>
    chooseAudience(site.ctx, campaign.id, filter, seen),
  );
  if (isTaken) visit.res.redirect(303, hrefOf(campaign));
}

async function keep(site: Site, visit: Visit): Promise<void> {
  const { campaign, list } = await campaignOf(site, visit);
  const zone = list.organisation.timeZone;
  const filter = checkFilter(list, filterInQuery(visit.req.query, zone));
  const name = fieldsOf(visit.req)['name'] ?? '';
  const segment = await refusable(async () => saveSegment(site.ctx, { listId: list.id, name, filter }));
  if (!segment) return show(site, visit, true);
  visit.res.redirect(303, `${hrefOf(campaign)}/audience?${queryOf(filter, zone)}&saved`);
}

function hrefOf(campaign: LoadedCampaign): string {
  return `/admin/campaigns/${campaign.id}`;
}

function fieldsFor(
  list: ListFacts,
  filter: AudienceFilter,
  language: string,
): Pick<AudienceScreen, 'languageChoices' | 'topics' | 'after' | 'before' | 'attributes'> {
  const { organisation, topics } = list;
  const day = (moment: string | undefined): string => (moment ? dayIn(organisation.timeZone, moment) : '');
  const codes = [...new Set([...Object.keys(list.texts), ...(filter.languages ?? [])])];
  return {
    languageChoices: languageNames(codes).map(({ code, name }) => ({
      ...{ value: code, name, isChosen: filter.languages?.includes(code) ?? false },
    })),
    topics: topics.map(({ slug, names }) => ({
      ...{ value: slug, name: inWords(names, language, organisation.language) },
      isChosen: filter.topics?.includes(slug) ?? false,
    })),
    after: day(filter.joinedAfter),
    before: day(filter.joinedBefore),
    attributes: organisation.attributes
      .filter(({ isFilter }) => isFilter)
      .map((rule) => ({
        name: rule.name,
        label: attributeLabel(organisation, rule, language),
        value: filter.attributes?.[rule.name] ?? '',
      })),
  };
}

/** What was asked for and cannot be, as far as the fields can show it: nobody types it twice. */
function typedIn(list: ListFacts, given: Partial<Record<keyof AudienceFilter, unknown>>): AudienceFilter {
  const all = (value: unknown): string[] =>
    Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
  const day = (value: unknown): string | undefined =>
    typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? value : undefined;
  const [joinedAfter, joinedBefore] = [day(given.joinedAfter), day(given.joinedBefore)];
  return {
    languages: all(given.languages).filter((code) => Object.hasOwn(list.texts, code)),
    topics: all(given.topics),
    ...(joinedAfter === undefined ? {} : { joinedAfter }),
    ...(joinedBefore === undefined ? {} : { joinedBefore }),
    attributes: (given.attributes ?? {}) as Record<string, string>,
  };
}

function tried<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal && error.code === 'body-invalid') return null;
    throw error;
  }
}

async function refusable<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal && error.code === 'body-invalid') return null;
    throw error;
  }
}
