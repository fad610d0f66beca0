import type { CampaignState } from '../../entities/campaign.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { tallyOf, WINDOW_SECONDS, type Count, type CountKind } from './tally.js';

/** How far a campaign is. `queued` is the sum of the rest, but for `rate`. */
export interface Progress {
  readonly campaign: string;
  readonly state: CampaignState;
  /** False while the audience is still being read: `queued` grows. */
  readonly isFannedOut: boolean;
  readonly queued: number;
  /** Not yet tried, or only tried while our own way out was closed. */
  readonly waiting: number;
  readonly sending: number;
  readonly sent: number;
  readonly failed: number;
  /** By reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** The other side asked to come back later: tried again for three days. */
  readonly deferred: number;
  readonly unknown: number;
  /** Mails that got their outcome, per second, over the last ten seconds. */
  readonly rate: number;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

/** Tells how far a campaign is; at a million mails as fast as at ten. Throws `not-found`. */
export async function progress(ctx: Context, id: string): Promise<Progress> {
  const now = ctx.now();
  const [[campaign], rows] = await Promise.all([
    ctx.db.query<Pick<Progress, 'state' | 'isFannedOut' | 'startedAt' | 'finishedAt'>>(
      `select state, fanned_out_at is not null as "isFannedOut", released_at as "startedAt", finished_at as "finishedAt" from campaign where id = $1`,
      [id],
    ),
    tallyOf(ctx, id),
  ]);
  if (!campaign) throw new Refusal('not-found', 'There is no such campaign.');
  const count = (kind: CountKind) => sum(rows.filter((row) => row.kind === kind));
  const skipped = rows.filter((row) => row.kind === 'skipped');
  const running = (now.getTime() - (campaign.startedAt?.getTime() ?? now.getTime())) / 1000;
  const answered = rows.filter((row) => row.kind !== 'waiting' && row.kind !== 'sending');
  return {
    campaign: id,
    ...campaign,
    queued: sum(rows),
    waiting: count('waiting'),
    sending: count('sending'),
    sent: count('sent'),
    failed: count('failed'),
    skipped: Object.fromEntries(skipped.map((row) => [row.reason === '' ? 'unknown' : row.reason, row.count])),
    deferred: count('deferred'),
    unknown: count('unknown'),
    rate:
      Math.max(
        0,
        answered.reduce((all, row) => all + row.recent, 0),
      ) / Math.max(1, Math.min(WINDOW_SECONDS, running)),
  };
}

/** Nothing of it waits for its first answer any more. */
export function isAnswered(now: Progress): boolean {
  return now.isFannedOut && now.waiting === 0 && now.sending === 0;
}

/** Seconds until all have been tried, at the present rate; null when that cannot be told. */
export function secondsLeft(now: Progress): number | null {
  return now.isFannedOut && now.rate > 0 ? Math.ceil((now.waiting + now.sending) / now.rate) : null;
}

/** How many were skipped, whatever the reason. */
export function skippedCount(now: Progress): number {
  return Object.values(now.skipped).reduce((all, n) => all + n, 0);
}

function sum(rows: readonly Count[]): number {
  return rows.reduce((all, row) => all + row.count, 0);
}
