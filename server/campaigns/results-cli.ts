import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { progress, skippedCount } from './progress.js';
import { resultsCsv, resultsJson } from './results-file.js';
import type { CampaignSettings } from './settings.js';
import { agreedCounts, clicksOf } from './visits.js';
import type { Output } from './cli.js';

export interface CampaignResults {
  readonly id: string;
  readonly format: 'sum' | 'csv' | 'json';
  /** Whole addresses instead of masked ones. */
  readonly addresses: boolean;
  readonly out: Output;
  readonly err: Output;
}

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * `zgoda campaign results`: how many of each outcome, or a line for each person. Whoever runs commands here has database and keys, and so needs no reason
 * for whole addresses. Returns the exit code: 1 when there is no such campaign.
 */
export async function campaignResults(ctx: Context, asked: CampaignResults): Promise<0 | 1> {
  const { id, format, out, err } = asked;
  try {
    if (!ID.test(id)) throw new Refusal('not-found', 'There is no such campaign.');
    const now = await progress(ctx, id);
    if (format === 'sum') {
      const { queued, waiting, sending, sent, failed, deferred, unknown } = now;
      const counts = { queued, waiting, sending, sent, failed, skipped: skippedCount(now), deferred, unknown };
      out.write(table(counts) + table(await tracked(ctx, id)));
      return 0;
    }
    const write = format === 'csv' ? resultsCsv : resultsJson;
    for await (const text of write(ctx, id, {}, !asked.addresses)) await written(out, text);
    return 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    err.write(`${error.message}\n`);
    return 1;
  }
}

function table(counts: Readonly<Record<string, number | string>>): string {
  return Object.entries(counts)
    .map(([name, value]) => `${name.padEnd(10)}${String(value).padStart(10)}\n`)
    .join('');
}

/** What was counted of what people did: clicks, and apart from them those of programs; of the people who agreed to it, how many got, opened and followed. */
async function tracked(ctx: Context, id: string): Promise<Record<string, number | string>> {
  const { tracking = 'off' } = (await campaignSettings(ctx, id)) ?? {};
  if (tracking === 'off') return { tracking };
  const links = await clicksOf(ctx, id);
  const sum = (who: 'people' | 'machines'): number => links.reduce((all, link) => all + link[who], 0);
  const counts = { tracking, clicks: sum('people'), programs: sum('machines') };
  if (tracking === 'aggregate') return counts;
  const { people: agreed, opened, clicked } = await agreedCounts(ctx, id);
  return { ...counts, agreed, opened, clicked };
}

async function campaignSettings(ctx: Context, id: string): Promise<CampaignSettings | null> {
  const [row] = await ctx.db.query<{ settings: CampaignSettings }>('select settings from campaign where id = $1', [id]);
  return row?.settings ?? null;
}

/** Waits for a slow reader: a million lines must not pile up in memory. */
async function written(out: Output, text: string): Promise<void> {
  if (out.write(text) === false)
    await new Promise<void>((resolve) => (out.once ? out.once('drain', resolve) : resolve()));
}
