import { plotOf } from '../campaigns/plot.js';
import { agreedCounts, clicksOf, type LinkClicks } from '../campaigns/visits.js';
import type { Context } from '../context.js';
import type { LoadedCampaign } from './campaign.js';
import type { ClicksPart, PlotPart } from './results-views.js';

/** So many links are drawn; all stand in the table. */
const MOST_DRAWN = 20;

/** What was followed; null: this campaign counts nothing. */
export async function clicksPart(ctx: Context, campaign: LoadedCampaign): Promise<ClicksPart | null> {
  const { tracking = 'off' } = campaign.settings;
  if (tracking === 'off' || !campaign.releasedAt) return null;
  const links = await clicksOf(ctx, campaign.id);
  return {
    plot: links.length > 0 ? plotOfLinks(links) : null,
    agreed: tracking === 'agreed' ? await agreedCounts(ctx, campaign.id) : null,
    machines: links.reduce((all, { machines }) => all + machines, 0),
  };
}

function plotOfLinks(links: readonly LinkClicks[]): PlotPart {
  const all = links.reduce((sum, { people }) => sum + people, 0);
  return {
    id: 'clicks',
    title: { key: all > 0 ? 'clicks' : 'noClicks', a: all, b: links[0]?.people ?? 0, c: links.length },
    axes: { up: 'clicks', along: 'links' },
    series: [{ name: 'clicks', place: 0 }],
    plot: plotOf({
      places: links.slice(0, MOST_DRAWN).map(({ people }, place) => ({ label: String(place + 1), values: [people] })),
    }),
    rows: links.map(({ url, people }, place) => ({
      ...{ unit: 'link' as const, place: place + 1, text: `${place + 1}. ${url}`, values: [people] },
    })),
  };
}
