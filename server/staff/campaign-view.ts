import { actsOf, standingRequest } from '../campaigns/acts.js';
import { audienceOf } from '../campaigns/audience.js';
import { footerLanguage } from '../campaigns/prepare.js';
import { sampleSubject } from '../campaigns/sample-subject.js';
import { shownFrom } from '../campaigns/shown-from.js';
import { listById, textOf, type ListFacts } from '../consent/catalogue.js';
import { param, type Site } from '../web/http.js';
import { audiencePart, filterInWords } from './audience-part.js';
import { loadCampaign, templateName, type LoadedCampaign } from './campaign.js';
import type { CampaignPart, ChosenPart, ReleasePart } from './campaign-views.js';
import type { Visit } from './screens-visit.js';
import { allStaff } from './staff.js';
import type { AudiencePart } from './views.js';

/** The pages of a campaign, in the order in which one goes through them. */
const PLACES: readonly { readonly name: string; readonly path: string; readonly isFor: keyof typeof FOR }[] = [
  { name: 'overview', path: '', isFor: 'all' },
  { name: 'tags', path: '/tags', isFor: 'tagged' },
  { name: 'audience', path: '/audience', isFor: 'drafts' },
  { name: 'check', path: '/check', isFor: 'all' },
  { name: 'text', path: '/text', isFor: 'all' },
  { name: 'test', path: '/test', isFor: 'drafts' },
  { name: 'plan', path: '/plan', isFor: 'all' },
  { name: 'results', path: '/results', isFor: 'all' },
];

const FOR = {
  all: (): boolean => true,
  drafts: ({ state }: LoadedCampaign): boolean => state === 'draft',
  tagged: ({ state, tags }: LoadedCampaign): boolean => state === 'draft' && tags !== null,
};

/** The campaign that an address names. Throws `not-found`. */
export async function campaignOf(
  site: Site,
  { req }: Pick<Visit, 'req'>,
): Promise<{ campaign: LoadedCampaign; list: ListFacts }> {
  const campaign = await loadCampaign(site.ctx, param(req, 'id'));
  return { campaign, list: await listById(site.ctx, campaign.listId) };
}

/** What stands above each page of a campaign. `place`: which one this is. */
export function campaignPart(
  campaign: LoadedCampaign,
  list: ListFacts,
  { ctx, screen }: Pick<Visit, 'ctx' | 'screen'>,
  place: string,
): CampaignPart {
  const href = `/admin/campaigns/${campaign.id}`;
  const isDraft = campaign.state === 'draft';
  const from = shownFrom(list, campaign);
  const subject = sampleSubject(ctx, list, campaign, screen.language);
  return {
    href,
    subject,
    isPersonal: subject !== campaign.subject,
    list: textOf(list, screen.language).name,
    from: `${from.name} <${from.address}>`,
    fileName: campaign.fileName,
    createdAt: campaign.createdAt,
    isDraft,
    isKeepable: templateName(campaign) !== null,
    hasOpenTags: hasOpenTags(campaign),
    hasTags: isDraft && campaign.tags !== null,
    places: PLACES.filter(({ isFor }) => FOR[isFor](campaign)).map(({ name, path }) => ({
      ...{ name, href: `${href}${path}`, isHere: name === place },
    })),
  };
}

/** Must somebody look first at the tags of another system that its file has? */
export function hasOpenTags({ state, tags }: LoadedCampaign): boolean {
  return state === 'draft' && tags !== null && !tags.isAccepted;
}

/** When a draft would start, by its plan; null: as soon as it is released. */
export function startsLater({ settings }: LoadedCampaign, now: Date): Date | null {
  const at = settings.sending?.at;
  return at !== undefined && new Date(at) > now ? new Date(at) : null;
}

/** What was chosen for a draft on its other pages. */
export function chosenPart(campaign: LoadedCampaign, { ctx, screen }: Pick<Visit, 'ctx' | 'screen'>): ChosenPart {
  return {
    startsAt: startsLater(campaign, ctx.now()),
    tracking: campaign.settings.tracking ?? 'off',
    // Nothing in a finished message is ours to change.
    canChoose: !campaign.message && (screen.staff?.isMarketer ?? false),
  };
}

/** Who would get it, and how the list is narrowed. */
export async function audienceFor(
  { ctx }: Site,
  { settings }: LoadedCampaign,
  list: ListFacts,
  language: string,
): Promise<AudiencePart> {
  const audience = await audienceOf(ctx, list.id, settings.audience);
  return audiencePart(audience, filterInWords(list, settings.audience, language));
}

/** Which footer a page shows: the one asked for, else that of the staff member's language. */
export function footerAsked(list: ListFacts, { req, screen }: Pick<Visit, 'req' | 'screen'>): string {
  const asked = req.query['footer'];
  return footerLanguage(list, typeof asked === 'string' ? asked : screen.language);
}

/** Who may let a campaign go, and who did. */
export async function releasePart(
  site: Site,
  campaign: LoadedCampaign,
  list: ListFacts,
  { staff, screen }: Pick<Visit, 'staff' | 'screen'>,
): Promise<ReleasePart> {
  const acts = await actsOf(site.ctx, site.ctx.db, campaign.id);
  const everybody = await allStaff(site.ctx);
  const nameOf = (id: string | null): string => everybody.find((one) => one.id === id)?.address ?? '';
  const request = campaign.state === 'draft' ? standingRequest(acts, campaign.seal) : null;
  const { releaseBySecond } = list.organisation;
  const isMine = request?.staffId === staff.id;
  return {
    isBySecond: releaseBySecond,
    request: request && { by: nameOf(request.staffId), at: request.happenedAt, isMine },
    canSend: !releaseBySecond || (screen.staff?.isMarketer === true && request !== null && !isMine),
    isAlone: everybody.filter(({ role }) => role !== 'viewer').length < 2,
    history: acts.map(({ what, staffId, happenedAt, note }) => ({
      ...{ what, at: happenedAt, note, by: nameOf(staffId) },
      who: staffId === null ? 'operator' : nameOf(staffId) === '' ? 'gone' : 'staff',
    })),
  };
}
