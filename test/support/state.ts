import { expect } from 'chai';
import { releaseCampaign } from '../../server/campaigns/release.js';
import { createCampaign } from '../../server/campaigns/upload.js';
import type { Context } from '../../server/context.js';
import { blindIndex } from '../../server/keys/blind-index.js';
import { parseAddress } from '../../server/mail/address.js';
import { eventually, type ReceivedMail, type TestService } from './service.js';

/** Waits until nothing waits: every sign-up decided, every mail settled, every event with its leaf. */
export async function settled(ctx: Context): Promise<void> {
  await eventually(async () => {
    const [row] = await ctx.db.query<{ n: number }>(
      `select (select count(*) from log_queue)::int + (select count(*) from sign_up where outcome is null)::int
         + (select count(*) from magic_request where decided_at is null)::int
         + (select count(*) from campaign where state = 'sending')::int
         + (select count(*) from delivery where state in ('queued', 'sending'))::int as n`,
    );
    expect(row?.n, 'sign-ups, mails and events that wait').to.equal(0);
  });
}

/** Every row of every table as text, by table: equal before and after when nothing changed. The check in the background moves on by itself, and a sender says that it lives, whether its mail is taken, and a moment later how domains take it. */
export async function dump(ctx: Context): Promise<Record<string, string[]>> {
  const tables = await ctx.db.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = current_schema() and c.relkind = 'r' and c.relname not in ('campaign_domain', 'log_round', 'outage', 'sender') order by 1`,
  );
  const all: Record<string, string[]> = {};
  for (const { name } of tables) {
    const rows = await ctx.db.query<{ text: string }>(`select t::text as text from "${name}" t order by 1`);
    if (rows.length > 0) all[name] = rows.map((row) => row.text);
  }
  return all;
}

/** Does `act` and tells that it changed no row of any table, but for some. */
export async function changesNothing(
  ctx: Context,
  act: () => Promise<unknown>,
  but: readonly string[] = [],
): Promise<void> {
  const rest = async (): Promise<Record<string, string[]>> => {
    await settled(ctx);
    return Object.fromEntries(Object.entries(await dump(ctx)).filter(([table]) => !but.includes(table)));
  };
  const before = await rest();
  await act();
  expect(await rest()).to.deep.equal(before);
}

/** The first value of the first row. */
export async function one<T>(ctx: Context, sql: string, params: readonly unknown[] = []): Promise<T> {
  const [row] = await ctx.db.query<Record<string, T>>(sql, params);
  return Object.values(row ?? {})[0] as T;
}

/** The state of somebody's consent to a list; null when there is none. */
export async function stateOf(ctx: Context, email: string, list = 'news'): Promise<string | null> {
  return (await factsOf(ctx, email, list))?.state ?? null;
}

export interface PersonFacts {
  readonly consentId: string;
  readonly subscriberId: string;
  readonly state: string;
  readonly frequency: string;
  readonly pausedUntil: Date | null;
  readonly signUpId: string;
}

/** What the tables say of somebody, found as the service finds them. */
export async function factsOf(ctx: Context, email: string, list = 'news'): Promise<PersonFacts | null> {
  const organisation = await one<string>(ctx, 'select organisation_id from list where slug = $1', [list]);
  const [row] = await ctx.db.query<PersonFacts>(
    `select c.id as "consentId", s.id as "subscriberId", c.state, c.frequency, c.paused_until as "pausedUntil", c.sign_up_id as "signUpId"
     from consent c join subscriber s on s.id = c.subscriber_id join list l on l.id = c.purpose_id where l.slug = $1 and s.blind_index = $2`,
    [list, blindIndex(ctx.keyring, organisation, parseAddress(email).normal)],
  );
  return row ?? null;
}

const SOURCE = '<html><head><title>New books</title></head><body><p>Dear reader, new books came.</p></body></html>';

/** Sends a campaign to a list, to its end. */
export async function sendCampaign(service: TestService, list = 'news'): Promise<void> {
  const { ctx } = service;
  const id = await createCampaign(ctx, { list, fileName: 'books.html', source: Buffer.from(SOURCE) });
  await releaseCampaign(ctx, id);
  await eventually(async () => {
    expect(await one<string>(ctx, 'select state from campaign where id = $1', [id])).to.equal('sent');
  });
}

/** Sends a campaign and returns somebody's copy of it. */
export async function campaignMailTo(service: TestService, email: string, list = 'news'): Promise<ReceivedMail> {
  const before = await service.mailsTo(email);
  await sendCampaign(service, list);
  return service.mailTo(email, before + 1);
}

/** The https address in List-Unsubscribe. */
export function oneClickLink(mail: ReceivedMail): string {
  const found = /^list-unsubscribe: <(http[^>]+)>/im.exec(mail.raw.toString().replace(/\r\n[ \t]+/g, ' '));
  return found?.[1] ?? '';
}
