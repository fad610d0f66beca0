import type { Request } from 'express';
import { cameBack, FROM_START, resultsAfter, type ResultFilter, type ResultRow } from '../campaigns/results.js';
import { markOf } from '../campaigns/draft-mark.js';
import { tallyOf, type Count } from '../campaigns/tally.js';
import { seenOf } from '../campaigns/visits.js';
import { timelineOf } from '../campaigns/timeline.js';
import { catalogue, listById, trackingIn, type Catalogue, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { maskAddress, parseAddress } from '../mail/address.js';
import { param, sendPage, type Site } from '../web/http.js';
import { loadCampaign, type LoadedCampaign } from './campaign.js';
import { reasonName } from './audience-part.js';
import { campaignPart } from './campaign-view.js';
import { exportsOf } from './export-log.js';
import { makePersonRef } from './person-ref.js';
import { clicksPart } from './results-clicks.js';
import { timePlots } from './results-plots.js';
import type { CountLink, ResultPart, ResultsScreen } from './results-views.js';
import type { Visit } from './screens-visit.js';
import { staffById } from './staff.js';

export interface Opened {
  readonly campaign: LoadedCampaign;
  readonly list: ListFacts;
}

/** What is shown beside the people. */
export interface Asked {
  /** Who was searched for; null: nobody has that address. */
  readonly searched?: string | null | undefined;
  readonly email?: string;
  readonly reason?: string;
  readonly wrong?: ResultsScreen['wrong'];
}

const ROWS = 50;
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const OUTCOMES = ['waiting', 'sending', 'sent', 'failed', 'skipped', 'deferred', 'unknown'] as const;
const LATER = ['bounced', 'complained'] as const;
const WORD = /^[a-z-]{1,40}$/;

/** Throws `not-found`. */
export async function loadResults(site: Site, { req }: Visit): Promise<Opened> {
  const campaign = await loadCampaign(site.ctx, param(req, 'id'));
  return { campaign, list: await listById(site.ctx, campaign.listId) };
}

/** Whom an address asks for. What it cannot mean counts as not said. */
export function filterIn(req: Request): ResultFilter {
  const { outcome, reason } = req.query;
  const known = [...OUTCOMES, ...LATER].find((one) => one === outcome);
  return {
    ...(known ? { outcome: known } : {}),
    ...(typeof reason === 'string' && WORD.test(reason) ? { reason } : {}),
  };
}

/** The page. */
export async function showResults(site: Site, visit: Visit, { campaign, list }: Opened, shown: Asked): Promise<void> {
  const { ctx } = site;
  const { req, res, screen } = visit;
  const here = `/admin/campaigns/${campaign.id}/results`;
  const filter = filterIn(req);
  const after = typeof req.query['after'] === 'string' && ID.test(req.query['after']) ? req.query['after'] : null;
  const counts = await tallyOf(ctx, campaign.id);
  const came = await cameBack(ctx, campaign.id);
  const rows = await rowsOf(ctx, campaign.id, filter, after, shown);
  const seen = await seenOf(
    ctx,
    campaign.id,
    rows.map(({ subscriberId }) => subscriberId),
  );
  const spans = campaign.releasedAt
    ? await timelineOf(ctx, { id: campaign.id, listId: list.id, releasedAt: campaign.releasedAt })
    : [];
  const exports = await exportsOf(ctx, campaign.id);
  const last = rows.length > ROWS ? rows[ROWS - 1] : undefined;
  const page: ResultsScreen = {
    ...screen,
    campaign: campaignPart(campaign, list, visit, 'results'),
    isDraft: campaign.state === 'draft',
    ...countLinks(counts, came, here, filter),
    plots: timePlots(spans),
    clicks: await clicksPart(ctx, campaign),
    tracking: trackingChoices(campaign, await catalogue(ctx), list, here),
    rows: rows.slice(0, ROWS).map((row) => rowPart(ctx, visit, list, row, seen.get(row.subscriberId) ?? null)),
    isSearch: shown.searched !== undefined,
    isFiltered: filter.outcome !== undefined || filter.reason !== undefined,
    allHref: `${here}#people`,
    nextHref: last ? `${here}?${queryOf(filter, { after: last.subscriberId })}#people` : null,
    firstHref: after ? `${here}?${queryOf(filter)}#people` : null,
    searchAction: here,
    email: shown.email ?? '',
    wrong: shown.wrong ?? null,
    isWrong: { address: shown.wrong === 'address', reason: shown.wrong === 'reason' },
    csv: {
      href: `${here}.csv?${queryOf(filter)}`,
      action: `${here}.csv?${queryOf(filter)}`,
      reason: shown.reason ?? '',
    },
    exports: await Promise.all(
      exports.map(async ({ staffId, at, reason }) => ({
        ...{ at, reason, by: (await staffById(ctx, staffId))?.address ?? '' },
      })),
    ),
  };
  sendPage(site, res, 'admin/results', page, shown.wrong ? 422 : 200);
}

async function rowsOf(
  ctx: Context,
  id: string,
  filter: ResultFilter,
  after: string | null,
  { searched }: Asked,
): Promise<ResultRow[]> {
  if (searched === null) return [];
  return searched === undefined
    ? resultsAfter(ctx, id, filter, after ?? FROM_START, ROWS + 1)
    : resultsAfter(ctx, id, { subscriberId: searched }, FROM_START, 1);
}

function countLinks(
  counts: readonly Count[],
  came: Awaited<ReturnType<typeof cameBack>>,
  here: string,
  filter: ResultFilter,
): Pick<ResultsScreen, 'total' | 'outcomes' | 'reasons' | 'later' | 'unknown'> {
  const sum = (wanted: (count: Count) => boolean): number =>
    counts.filter(wanted).reduce((all, { count }) => all + count, 0);
  const link = (label: string, count: number, asked: ResultFilter): CountLink => ({
    ...{ label, count, href: `${here}?${queryOf(asked)}#people` },
    isShown: filter.outcome === asked.outcome && filter.reason === asked.reason,
  });
  return {
    total: sum(() => true),
    outcomes: OUTCOMES.map((outcome) =>
      link(
        outcome,
        sum(({ kind }) => kind === outcome),
        { outcome },
      ),
    ),
    reasons: counts
      .filter(({ kind }) => kind === 'skipped')
      .map(({ reason, count }) => link(reasonName(reason), count, { outcome: 'skipped', reason })),
    later: LATER.map((outcome) => link(outcome, came[outcome], { outcome })),
    unknown: sum(({ kind }) => kind === 'unknown'),
  };
}

/** Only a draft can be changed; what needs a purpose of its own is offered where there is one. */
function trackingChoices(
  campaign: LoadedCampaign,
  known: Catalogue,
  list: ListFacts,
  here: string,
): ResultsScreen['tracking'] {
  const { state, settings, message } = campaign;
  const { tracking = 'off' } = settings;
  const mayAsk = trackingIn(known, list.organisation.id) !== null;
  const choices = (['off', 'aggregate', 'agreed'] as const).filter((one) => one !== 'agreed' || mayAsk);
  return {
    now: tracking,
    mayAsk,
    action: `${here}/tracking`,
    seen: markOf(campaign, 'tracking'),
    // Nothing in a finished message is ours to change.
    choices: state === 'draft' && !message ? choices.map((name) => ({ name, isChosen: name === tracking })) : [],
  };
}

function queryOf({ outcome, reason }: ResultFilter, more: Readonly<Record<string, string>> = {}): string {
  return new URLSearchParams({
    ...(outcome === undefined ? {} : { outcome }),
    ...(reason === undefined ? {} : { reason }),
    ...more,
  }).toString();
}

function rowPart(
  ctx: Context,
  { staff }: Visit,
  list: ListFacts,
  row: ResultRow,
  seen: ResultPart['seen'],
): ResultPart {
  const { subscriberId, address, outcome, reason, at, tries, reply, bounce, bouncedAt } = row;
  const ref = { organisationId: list.organisation.id, subscriberId, address: null };
  return {
    masked: address === null ? null : maskAddress(parseAddress(address)),
    href: `/admin/people/${makePersonRef(ctx, staff.id, ref)}`,
    ...{ outcome, at, tries, reply, seen },
    reason: reason === null ? null : reasonKey(outcome, reason),
    bounce: bounce && bouncedAt ? { what: bounce, reason: row.bounceReason ?? 'undefined', at: bouncedAt } : null,
  };
}

/** Those that have a text. */
const REASONS = new Set(
  'refused bounced too-long-deferred deferred connection build pace held halted unknown seal unreadable no-consent template'.split(
    ' ',
  ),
);

function reasonKey(outcome: string, reason: string): string {
  if (outcome === 'skipped') return `reason.${reasonName(reason)}`;
  return `resultReason.${REASONS.has(reason) ? reason : 'cannot'}`;
}
