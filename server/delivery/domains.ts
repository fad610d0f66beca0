import { createHmac } from 'node:crypto';
import type { Context } from '../context.js';
import { columnsOf, unnest } from '../database/rows.js';
import { decryptField, encryptField, type Place } from '../keys/field.js';
import { knownKey } from '../keys/keyring.js';
import { domainOf } from '../mail/address.js';
import type { SmtpOutcome } from '../mail/smtp.js';
import type { Claimed } from './claim.js';

/** How the servers of one mail domain take a campaign. */
export interface DomainState {
  /** null: our own mail server, which did not answer. */
  readonly name: string | null;
  readonly sent: number;
  /** Times that a mail was put off, not mails. */
  readonly deferred: number;
  readonly failed: number;
  /** Its last answer that was no yes. */
  readonly reply: string | null;
  readonly at: Date;
}

interface Counted {
  sent: number;
  deferred: number;
  failed: number;
  reply: string | null;
}

/** A domain with fewer recipients could name a person (T18). */
export const LEAST_RECIPIENTS = 10;
/** So many domains are counted in memory; the long tail beyond is left out. */
const MOST_DOMAINS = 5_000;
/** Stands for our own mail server: no address has such a domain. */
const OURSELVES = '';

const counted = new WeakMap<Context, Map<string, Map<string, Counted>>>();

/** Counts what a server answered, in memory: no mail waits for it. */
export function countDomain(
  ctx: Context,
  { kind, messageId, address }: Pick<Claimed, 'kind' | 'messageId' | 'address'>,
  outcome: SmtpOutcome,
): void {
  if (kind !== 'campaign') return;
  const campaigns = counted.get(ctx) ?? new Map<string, Map<string, Counted>>();
  counted.set(ctx, campaigns);
  const domains = campaigns.get(messageId) ?? new Map<string, Counted>();
  campaigns.set(messageId, domains);
  const isOurs = outcome.kind === 'deferred' && outcome.code === undefined;
  const name = isOurs ? OURSELVES : domainOf(address);
  const domain = domains.get(name) ?? { sent: 0, deferred: 0, failed: 0, reply: null };
  if (!domains.has(name) && domains.size >= MOST_DOMAINS) return;
  domains.set(name, domain);
  if (outcome.kind === 'sent') domain.sent += 1;
  else {
    domain[outcome.kind === 'refused' ? 'failed' : 'deferred'] += 1;
    domain.reply = outcome.reply.slice(0, 300);
  }
}

/** Writes down what was counted of domains that many use, and forgets it here; returns how many. */
export async function writeDomains(ctx: Context): Promise<number> {
  const campaigns = counted.get(ctx);
  if (!campaigns) return 0;
  const rows = [...campaigns].flatMap(([id, domains]) =>
    [...domains]
      .filter(([name, one]) => name === OURSELVES || one.sent + one.deferred + one.failed >= LEAST_RECIPIENTS)
      .map(([name, one]) => {
        domains.delete(name);
        return rowOf(ctx, id, name, one);
      }),
  );
  if (rows.length === 0) return 0;
  await ctx.db.query(
    `insert into campaign_domain as d (campaign_id, domain, name, sent, deferred, failed, reply, at) select *, $8::timestamptz from ${unnest(1, COLUMNS)} order by id, domain
     on conflict (campaign_id, domain) do update set sent = d.sent + excluded.sent, deferred = d.deferred + excluded.deferred, failed = d.failed + excluded.failed,
       reply = coalesce(excluded.reply, d.reply), at = excluded.at`,
    [...columnsOf(rows, COLUMNS.length), ctx.now()],
  );
  return rows.length;
}

/** Forgets domains of campaigns that are over: a day later only the sums are left. */
export async function forgetDomains(ctx: Context): Promise<number> {
  counted.get(ctx)?.clear();
  const gone = await ctx.db.query(
    `delete from campaign_domain where at < $1::timestamptz - interval '1 day' returning 1`,
    [ctx.now()],
  );
  return gone.length;
}

/** The domains of a campaign, those that put off or refuse most first. */
export async function domainsOf(ctx: Context, campaignId: string, most = 10): Promise<DomainState[]> {
  const rows = await ctx.db.query<Omit<DomainState, 'name'> & { name: Buffer }>(
    `select name, sent, deferred, failed, reply, at from campaign_domain where campaign_id = $1 order by deferred + failed desc, sent desc, domain limit $2`,
    [campaignId, most],
  );
  return rows.map((row) => {
    const name = decryptField(nameKey(ctx), placeOf(campaignId), row.name).toString();
    return { ...row, name: name === OURSELVES ? null : name };
  });
}

const COLUMNS = ['id uuid', 'domain bytea', 'name bytea', 'sent int', 'deferred int', 'failed int', 'reply text'];

function rowOf(ctx: Context, id: string, name: string, { sent, deferred, failed, reply }: Counted): unknown[] {
  const hash = createHmac('sha256', nameKey(ctx)).update(`${id}\0${name}`).digest();
  return [id, hash, encryptField(nameKey(ctx), placeOf(id), name), sent, deferred, failed, reply];
}

function placeOf(campaignId: string): Place {
  return { table: 'campaign_domain', column: 'name', row: campaignId };
}

/** Under the oldest master, so that a rotation while a campaign goes changes nothing. */
function nameKey({ keyring }: Context): Buffer {
  const master = knownKey(keyring, 'seal', Math.min(...keyring.ids));
  return createHmac('sha256', master).update('names of domains').digest();
}
