import { haltOf } from '../campaigns/halted.js';
import { slowedBy, type SlowedBy } from '../campaigns/slowed-by.js';
import type { Progress } from '../campaigns/progress.js';
import type { Context } from '../context.js';
import { outageOf } from '../delivery/outage.js';
import { domainsOf } from '../delivery/domains.js';

/** How the recipients' servers take a campaign while it goes, and what holds it up. */
export interface LivePart {
  /** It halted by itself; null: it did not. */
  readonly halted: { readonly until: Date | null; readonly reason: string } | null;
  readonly slowedBy: SlowedBy | null;
  /** For how long a mail waits for our own server, where nothing else was chosen. */
  readonly hours: number;
  readonly domains: readonly {
    readonly name: string;
    readonly sent: number;
    readonly deferred: number;
    readonly failed: number;
    readonly reply: string | null;
  }[];
}

/** null: it does not go, or nothing was answered yet. */
export async function livePart(ctx: Context, now: Progress): Promise<LivePart | null> {
  if (now.state === 'draft') return null;
  const domains = await domainsOf(ctx, now.campaign);
  const halted = await haltOf(ctx, now.campaign);
  const slowed = slowedBy(now, domains, ctx.now(), await outageOf(ctx.db, ctx.now()));
  const named = domains.flatMap(({ name, ...domain }) => (name === null ? [] : [{ name, ...domain }]));
  if (named.length === 0 && !slowed && !halted) return null;
  // That nobody sends is what a halt is.
  const isToldAlready = halted !== null && slowed?.kind === 'no-sender';
  return {
    halted,
    slowedBy: isToldAlready ? null : slowed,
    hours: ctx.config.sending.retryHours,
    domains: named,
  };
}
