import { catalogue } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { openClickToken, type Click } from '../links/click-token.js';
import { linkTarget, OPENED, TRAP } from './counted-links.js';
import { isAmongScanners, markScanner, type Copy } from './trap.js';
import type { Visitor } from './visitor.js';

/** A scanner follows several links of a mail at once: within so many seconds, and so soon after the mail. */
const BURST_SECONDS = 10;
const SOON_SECONDS = 60;

/** So much is noted of what happened with one copy: whoever follows their link without end fills no disk. What comes later counts as nobody's. */
const MOST_VISITS = 500;

/** What is at the other end of a counted link: an address, the picture of an opened mail, or the page that only programs come to. */
export type Followed = { readonly kind: 'link'; readonly url: string } | { readonly kind: 'opened' | 'trap' } | null;

/**
 * Follows a counted link, and counts it: for whoever agreed to that as theirs, else as nobody's. No cookie and no network address has a part in it. null: it leads nowhere, since it
 * stands in no campaign of ours. Throws `link-damaged` for what we did not sign.
 */
export async function follow(ctx: Context, token: string, visitor: Visitor): Promise<Followed> {
  const click = openClickToken(ctx.keyring, ctx.audiences, token);
  const kind = click.link.equals(OPENED) ? 'opened' : click.link.equals(TRAP) ? 'trap' : 'link';
  const url = kind === 'link' ? await linkTarget(ctx, click.campaignId, click.link) : null;
  if (kind === 'link' && url === null) return null;
  try {
    const madeBy = kind === 'trap' ? 'machine' : visitor;
    const isNoted = click.consentId !== null && (await note(ctx, click, click.consentId, madeBy));
    if (!isNoted && kind === 'link') await count(ctx, click, visitor);
  } catch (error) {
    // Whoever follows a link gets there, counted or not.
    ctx.logger.warn({ err: error }, 'a click could not be counted');
  }
  return kind === 'link' ? { kind, url: url ?? '' } : { kind };
}

/** False when they do not agree any more, from which moment on nothing is noted, or too much was. */
async function note(ctx: Context, click: Click, consentId: string, visitor: Visitor): Promise<boolean> {
  const purposes = (await catalogue(ctx)).tracking.map(({ id }) => id);
  const key = click.link.equals(OPENED) ? null : click.link;
  const [row] = await ctx.db.query<{ person: string }>(
    `insert into campaign_visit (campaign_id, subscriber_id, consent_id, key, made_by, at)
     select $1, c.subscriber_id, c.id, $3, $4, $5 from consent c where c.id = $2 and c.state = 'confirmed' and c.purpose_id = any($6::uuid[])
       and (select count(*) from (select from campaign_visit v where v.campaign_id = $1 and v.subscriber_id = c.subscriber_id limit ${MOST_VISITS}) noted) < ${MOST_VISITS}
     returning subscriber_id as person`,
    [click.campaignId, consentId, key, visitor, ctx.now(), purposes],
  );
  if (!row) return false;
  const copy = { campaignId: click.campaignId, subscriberId: row.person };
  if (click.link.equals(TRAP)) await markScanner(ctx, copy);
  else if (visitor === 'person') await judge(ctx, copy, key !== null);
  return true;
}

// After it is written down: whichever of two requests of the same moment comes second sees the other.
async function judge(ctx: Context, copy: Copy, isLink: boolean): Promise<void> {
  if (await isAmongScanners(ctx, copy)) await markScanner(ctx, copy);
  else if (isLink) await markBurst(ctx, copy.campaignId, copy.subscriberId);
}

/** People do not follow three links in ten seconds, or two in the minute in which the mail came. */
async function markBurst(ctx: Context, campaignId: string, subscriberId: string): Promise<void> {
  await ctx.db.query(
    `with burst as (
       select id, key from campaign_visit where campaign_id = $1 and subscriber_id = $2 and key is not null and at > $3::timestamptz - interval '${BURST_SECONDS} seconds')
     update campaign_visit v set made_by = 'machine' from burst b
     where v.id = b.id and v.made_by = 'person' and (select count(distinct key) from burst) >=
       (select case when exists (select from delivery d where d.message_id = $1 and d.subscriber_id = $2
          and d.settled_at > $3::timestamptz - interval '${SOON_SECONDS} seconds') then 2 else 3 end)`,
    [campaignId, subscriberId, ctx.now()],
  );
}

async function count(ctx: Context, click: Click, visitor: Visitor): Promise<void> {
  await ctx.db.query(
    `insert into campaign_click as k (campaign_id, key, hour, people, machines) values ($1, $2, date_bin('1 hour', $3::timestamptz, 'epoch'), $4, $5)
     on conflict (campaign_id, key, hour) do update set people = k.people + excluded.people, machines = k.machines + excluded.machines`,
    [click.campaignId, click.link, ctx.now(), ...(visitor === 'person' ? [1, 0] : [0, 1])],
  );
}
