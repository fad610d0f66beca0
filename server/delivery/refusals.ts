import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';

/** For so long a refusal of ours is news. */
export const REFUSAL_HOURS = 24;

/** Says in the log that servers refuse us or our mails, whoever the recipients: somebody must look at DNS, blocklists or content. */
export function warnOfRefusals(ctx: Context, reasons: readonly string[]): void {
  if (reasons.length === 0) return;
  const counts = Object.fromEntries(
    [...new Set(reasons)].map((one) => [one, reasons.filter((it) => it === one).length]),
  );
  ctx.logger.warn(
    { refusals: counts },
    'our mail is refused, which is not for its recipients to answer: see zgoda doctor',
  );
}

/** How many mails came back for our own fault lately, by reason, most first. */
export async function recentRefusals(on: Queryable, now: Date): Promise<{ reason: string; n: number }[]> {
  return on.query(
    `select coalesce(bounce_reason, 'policy') as reason, count(*)::int as n from delivery
     where bounce = 'policy' and bounced_at > $1 group by 1 order by 2 desc, 1`,
    [new Date(now.getTime() - REFUSAL_HOURS * 3_600_000)],
  );
}
