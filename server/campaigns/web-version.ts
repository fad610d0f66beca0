import { linkAddress, listById, textOf, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import type { Footer } from '../mail/footer.js';
import { escapeHtml } from '../mail/escape.js';
import { injectHtml } from '../mail/inject.js';
import { fillTemplate } from '../mail/fill-template.js';
import { choose, readTemplate } from '../mail/template.js';
import { COMMON_FIELDS, isPersonal } from '../mail/template-tag.js';
import { CONTENT_COLUMNS, showPictures, shownPictures, withPictures } from './content.js';
import { hostPictures } from './host-pictures.js';
import { isHosted } from './placement.js';
import { commonValues, footerLanguage, footerOf, webVersionOf, type CampaignContent } from './prepare.js';
import { isReleasedContent } from './released.js';
import { footerDate, footerWords } from './words.js';
import { yearOf } from './personal.js';
import { uuidOf } from '../links/uuid.js';

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

type ReleasedContent = CampaignContent & { readonly at: Date };

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

async function released(ctx: Context, id: string): Promise<ReleasedContent> {
  const [row] = await ctx.db.query<Row>(
    `select ${CONTENT_COLUMNS}, list_id as "listId", released_at as at, seal from campaign
     where campaign.id = $1 and (state in ('sending', 'paused', 'sent') or cursor is not null)`,
    [id],
  );
  const at = row?.at;
  const isOurs = at && isReleasedContent(ctx, { listId: row.listId, content: row, at, seal: row.seal });
  // A finished message is nobody's page: we do not know what in it is whose.
  if (!isOurs || row.message) throw new Refusal('not-found', 'There is no such page.');
  return { ...(await withPictures(ctx.db, row, (picture) => !isHosted(row, picture))), at };
}

/** As somebody gets it of whom nothing is known. */
function layOutWeb(ctx: Context, list: ListFacts, content: ReleasedContent, language: string): string {
  const footer = webFooter(ctx, list, language);
  const zone = list.organisation.timeZone;
  const values = {
    ...commonValues(list, language),
    unsubscribe_url: footer.unsubscribeUrl,
    preferences_url: footer.preferencesUrl,
    web_version_url: webVersionOf(ctx, list, content.id, language),
    date: footerDate(language, content.at, zone),
    year: yearOf(content.at, zone),
  };
  const filled = (template: string, part: 'text' | 'html', subject: string): string => {
    const pieces = choose(readTemplate(template), KNOWN_OF_ALL);
    const impersonal = pieces.map((piece) =>
      typeof piece !== 'string' && isPersonal(piece.field)
        ? part === 'html'
          ? escapeHtml(piece.fallback)
          : piece.fallback
        : piece,
    );
    return fillTemplate(impersonal, part, { values: { ...values, subject }, holes: new Map() });
  };
  const page = filled(content.html, 'html', filled(content.subject, 'text', ''));
  return showPictures(hostPictures(ctx, list, content, injectHtml(page, footer).html), shownPictures(content));
}

/** Fields of conditions that everybody has a value in. */
const KNOWN_OF_ALL: ReadonlySet<string> = new Set(COMMON_FIELDS);

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
