import { linkAddress, listById, textOf, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import type { Footer } from '../mail/footer.js';
import { injectHtml } from '../mail/inject.js';
import { fillPlaceholders } from '../mail/placeholders.js';
import { footerLanguage, footerOf, webVersionOf, type CampaignContent } from './prepare.js';
import { isReleasedContent } from './released.js';
import { footerWords } from './words.js';

/** A campaign as a page for everybody. */
export interface WebVersion {
  readonly html: string;
  readonly language: string;
}

type Row = CampaignContent & {
  readonly listId: string;
  readonly at: Date | null;
  readonly seal: Buffer | null;
};

/** A page is up to 2 MB and takes a while to make: those that are read now are kept, under the seal of what they say. */
const KEPT = 16;
const kept = new WeakMap<Context, Map<string, { readonly seal: Buffer; readonly html: string }>>();

/**
 * What a campaign said, as it was released, without anybody's links: those of the footer lead to the page of the list and to where a person asks for their own
 * settings. `ref`: 16 bytes. Throws `not-found` for a draft, before its time, and for what we did not release (T6).
 */
export async function webVersion(ctx: Context, ref: Buffer, language: string): Promise<WebVersion> {
  const id = uuidOf(ref);
  const [head] = await ctx.db.query<Pick<Row, 'listId' | 'at' | 'seal'>>(
    'select list_id as "listId", released_at as at, seal from campaign where id = $1',
    [id],
  );
  if (!head?.at || !head.seal || head.at > ctx.now()) throw new Refusal('not-found', 'There is no such page.');
  const list = await listById(ctx, head.listId);
  const known = footerLanguage(list, language);
  const pages = kept.get(ctx) ?? new Map<string, { seal: Buffer; html: string }>();
  kept.set(ctx, pages);
  const page = pages.get(`${id} ${known}`);
  if (page?.seal.equals(head.seal)) return { html: page.html, language: known };
  const html = layOutWeb(ctx, list, await released(ctx, id), known);
  if (pages.size >= KEPT) pages.delete(pages.keys().next().value ?? '');
  pages.set(`${id} ${known}`, { seal: head.seal, html });
  return { html, language: known };
}

async function released(ctx: Context, id: string): Promise<CampaignContent> {
  const [row] = await ctx.db.query<Row>(
    'select id, list_id as "listId", subject, html, text, settings, released_at as at, seal from campaign where id = $1',
    [id],
  );
  const isOurs = row?.at && isReleasedContent(ctx, { listId: row.listId, content: row, at: row.at, seal: row.seal });
  if (!row || !isOurs) throw new Refusal('not-found', 'There is no such page.');
  return row;
}

function layOutWeb(ctx: Context, list: ListFacts, content: CampaignContent, language: string): string {
  const footer = webFooter(ctx, list, language);
  const filled = fillPlaceholders(content.html, 'html', {
    unsubscribeUrl: footer.unsubscribeUrl,
    preferencesUrl: footer.preferencesUrl,
    list: textOf(list, language).name,
    organisation: list.organisation.name,
    webVersionUrl: webVersionOf(ctx, list, content.id, language),
  });
  return injectHtml(filled, footer).html;
}

/** Who reads it is nobody we know: no link here belongs to a person. */
function webFooter(ctx: Context, list: ListFacts, language: string): Footer {
  const address = linkAddress(ctx, list.organisation);
  const name = textOf(list, language).name;
  return {
    ...footerOf(ctx, list, language, 'confirmed'),
    why: footerWords(language, 'web', { list: name }),
    unsubscribeLabel: footerWords(language, 'webList', { list: name }),
    settingsLabel: footerWords(language, 'webSettings'),
    unsubscribeUrl: `${address}/lists/${list.slug}?lang=${language}`,
    preferencesUrl: `${address}/preferences?lang=${language}`,
  };
}

function uuidOf(ref: Buffer): string {
  return ref.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
