import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { progress, skippedCount } from './progress.js';
import { resultsCsv, resultsJson } from './results-file.js';
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
      const rows = Object.entries(counts).map(([name, n]) => `${name.padEnd(10)}${String(n).padStart(10)}\n`);
      out.write(rows.join(''));
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

/** Waits for a slow reader: a million lines must not pile up in memory. */
async function written(out: Output, text: string): Promise<void> {
  if (out.write(text) === false)
    await new Promise<void>((resolve) => (out.once ? out.once('drain', resolve) : resolve()));
}
