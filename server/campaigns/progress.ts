import type { CampaignState } from '../../entities/campaign.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';

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

const WINDOW_MS = 10_000;

interface Row {
  kind: 'waiting' | 'sending' | 'sent' | 'failed' | 'skipped' | 'deferred' | 'unknown';
  reason: string | null;
  n: number;
  recent: number;
}

/** Counts a campaign's deliveries. Throws `not-found`. */
export async function progress(ctx: Context, id: string): Promise<Progress> {
  const now = ctx.now();
  const [[campaign], rows] = await Promise.all([
    ctx.db.query<Pick<Progress, 'state' | 'isFannedOut' | 'startedAt' | 'finishedAt'>>(
      `select state, fanned_out_at is not null as "isFannedOut", released_at as "startedAt", finished_at as "finishedAt" from campaign where id = $1`,
      [id],
    ),
    ctx.db.query<Row>(
      `select case when state = 'queued' or (state = 'deferred' and reason in ('connection', 'build', 'pace', 'held', 'halted')) or (state = 'unknown' and settled_at is null) then 'waiting' else state end as kind,
         case when state = 'skipped' then reason end as reason, count(*)::int as n, count(*) filter (where settled_at > $2)::int as recent
       from delivery where message_id = $1 group by 1, 2 order by 2`,
      [id, new Date(now.getTime() - WINDOW_MS)],
    ),
  ]);
  if (!campaign) throw new Refusal('not-found', 'There is no such campaign.');
  const count = (kind: Row['kind']) => sum(rows.filter((row) => row.kind === kind));
  const skipped = rows.filter((row) => row.kind === 'skipped');
  const running = now.getTime() - (campaign.startedAt?.getTime() ?? now.getTime());
  const seconds = Math.max(1, Math.min(WINDOW_MS, running) / 1000);
  return {
    campaign: id,
    ...campaign,
    queued: sum(rows),
    waiting: count('waiting'),
    sending: count('sending'),
    sent: count('sent'),
    failed: count('failed'),
    skipped: Object.fromEntries(skipped.map((row) => [row.reason ?? 'unknown', row.n])),
    deferred: count('deferred'),
    unknown: count('unknown'),
    rate: rows.reduce((all, row) => all + row.recent, 0) / seconds,
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

function sum(rows: readonly Row[]): number {
  return rows.reduce((all, row) => all + row.n, 0);
}
