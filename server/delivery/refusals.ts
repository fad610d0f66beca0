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

/** Mails that came back for our own fault lately. */
export interface Refusals {
  /** Most first. */
  readonly reasons: readonly { readonly reason: string; readonly n: number }[];
  /** No later mail has shown that it is over: somebody must look. */
  readonly isOpen: boolean;
}

/** A server that refuses a mail in a report does so within that time, as a rule: one that it took before may still come back. */
const REPORT_MINUTES = 60;

/** How often we were refused lately and why; over once mails were taken that left later (M-37). */
export async function recentRefusals(on: Queryable, now: Date): Promise<Refusals> {
  const since = new Date(now.getTime() - REFUSAL_HOURS * 3_600_000);
  const rows = await on.query<{ reason: string; n: number; last: Date }>(
    `select coalesce(bounce_reason, 'policy') as reason, count(*)::int as n,
       max(bounced_at + case when reason = 'bounced' then interval '${REPORT_MINUTES} minutes' else interval '0' end) as last
     from delivery where bounce = 'policy' and bounced_at > $1 group by 1 order by 2 desc, 1`,
    [since],
  );
  const last = Math.max(...rows.map((row) => row.last.getTime()));
  const reasons = rows.map(({ reason, n }) => ({ reason, n }));
  return { reasons, isOpen: rows.length > 0 && !(await wasTakenAfter(on, new Date(last))) };
}

async function wasTakenAfter(on: Queryable, at: Date): Promise<boolean> {
  const taken = await on.query(
    `select 1 from delivery where state = 'sent' and bounce is null and settled_at > $1 limit 1`,
    [at],
  );
  return taken.length > 0;
}
