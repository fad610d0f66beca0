import { actsOf, standingRequest, type Act } from '../campaigns/acts.js';
import { footerLanguage } from '../campaigns/prepare.js';
import { listById, textOf, type ListFacts } from '../consent/catalogue.js';
import { param, type Site } from '../web/http.js';
import { loadCampaign, type LoadedCampaign } from './campaign.js';
import type { CampaignPart, ReleasePart } from './campaign-views.js';
import type { Visit } from './screens-visit.js';
import { allStaff } from './staff.js';

/** The pages of a campaign, in the order in which one goes through them. */
const PLACES: readonly { readonly name: string; readonly path: string; readonly isForDrafts: boolean }[] = [
  { name: 'overview', path: '', isForDrafts: false },
  { name: 'check', path: '/check', isForDrafts: false },
  { name: 'text', path: '/text', isForDrafts: false },
  { name: 'test', path: '/test', isForDrafts: true },
];

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
  { screen }: Pick<Visit, 'screen'>,
  place: string,
): CampaignPart {
  const href = `/admin/campaigns/${campaign.id}`;
  const isDraft = campaign.state === 'draft';
  return {
    href,
    subject: campaign.subject,
    list: textOf(list, screen.language).name,
    from: `${list.organisation.name} <${list.organisation.fromAddress}>`,
    fileName: campaign.fileName,
    createdAt: campaign.createdAt,
    isDraft,
    places: PLACES.filter(({ isForDrafts }) => isDraft || !isForDrafts).map(({ name, path }) => ({
      ...{ name, href: `${href}${path}`, isHere: name === place },
    })),
  };
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
    story: acts.map((act) => ({ what: actName(act), by: nameOf(act.staffId), at: act.happenedAt, note: act.note })),
  };
}

function actName({ what, staffId }: Act): string {
  return what === 'released' && staffId === null ? 'releasedByOperator' : what;
}
