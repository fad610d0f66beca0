import { createHash } from 'node:crypto';
import { linkAddress, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { columnsOf, unnest } from '../database/rows.js';
import { isSealed, seal } from '../keys/seal.js';
import { LINK_BYTES, makeClickToken } from '../links/click-token.js';
import { hostOf } from '../links/urls.js';
import { hole } from '../mail/hole.js';
import { linksIn } from '../mail/link-positions.js';
import { linksInText } from '../mail/text-links.js';
import { fillTemplate } from '../mail/fill-template.js';
import { readTemplate, type FieldPiece, type Piece } from '../mail/template.js';
import type { LinkChange } from './change-links.js';
import { commonValues, type CampaignContent } from './prepare.js';
import { footerLanguages } from './words.js';

/** Not a link: the mail was opened. */
export const OPENED = Buffer.alloc(LINK_BYTES);
/** A link that only programs follow. */
export const TRAP = Buffer.from(`${'0'.repeat(2 * LINK_BYTES - 1)}1`, 'hex');

/** A link to us is never counted: by it one leaves, or steers. */
export function isCounted(ctx: Pick<Context, 'publicUrl'>, list: ListFacts, url: string): boolean {
  return URL.canParse(url) && hostOf(url) !== hostOf(linkAddress(ctx, list.organisation));
}

/** The links of a campaign that are counted, in all languages of its footer. */
export function countedLinks(ctx: Pick<Context, 'publicUrl'>, list: ListFacts, content: CampaignContent): string[] {
  // Somebody's finished message goes out as it is.
  if (content.message) return [];
  const all = footerLanguages().flatMap((language) => [
    ...linksIn(filled(list, content, language, 'html')),
    ...linksInText(filled(list, content, language, 'text')),
  ]);
  return [...new Set(all)].filter((url) => isCounted(ctx, list, url));
}

// With all that any of its conditions shows. The web version is ours, and not counted.
function filled(list: ListFacts, content: CampaignContent, language: string, part: 'html' | 'text'): string {
  const values = { ...commonValues(list, language), web_version_url: hole('web_version'), subject: '' };
  return fillTemplate(everyBranch(readTemplate(content[part])), part, { values, holes: new Map() });
}

// No address goes over the border of a condition (T11).
function everyBranch(pieces: readonly Piece[]): (string | FieldPiece)[] {
  return pieces.flatMap((piece) =>
    typeof piece === 'object' && 'when' in piece
      ? ['\n', ...everyBranch(piece.yes), '\n', ...everyBranch(piece.no), '\n']
      : [piece],
  );
}

/** What names a link: the same in every version of the mail. */
export function linkKey(url: string): Buffer {
  return createHash('sha256').update(url).digest().subarray(0, LINK_BYTES);
}

/** Keeps the links of a campaign, sealed: our links lead there and nowhere else. */
export async function keepLinks(
  ctx: Context,
  on: Queryable,
  campaignId: string,
  urls: readonly string[],
): Promise<void> {
  if (urls.length === 0) return;
  const rows = urls.map((url) => [linkKey(url), url, seal(ctx.keyring, 'campaign-link', [campaignId, url])]);
  await on.query(
    `insert into campaign_link (campaign_id, key, url, seal) select $1, * from ${unnest(2, ['key bytea', 'url text', 'seal bytea'])} on conflict do nothing`,
    [campaignId, ...columnsOf(rows, 3)],
  );
}

/** Where a counted link leads; null: it stands in no campaign that we released (T6). */
export async function linkTarget(ctx: Context, campaignId: string, key: Buffer): Promise<string | null> {
  const [row] = await ctx.db.prepared<{ url: string; seal: Buffer }>(
    'select url, seal from campaign_link where campaign_id = $1 and key = $2',
    [campaignId, key],
  );
  return row && isSealed(ctx.keyring, 'campaign-link', [campaignId, row.url], row.seal) ? row.url : null;
}

/** How the links of a campaign are written, for those who agreed to tracking (`isTracked`) or for the others; null: they stay as they are. */
export function linksOf(
  ctx: Pick<Context, 'publicUrl' | 'keyring'>,
  list: ListFacts,
  { id, settings, message }: CampaignContent,
  isTracked: boolean,
): LinkChange | null {
  if (message || settings.tracking === undefined || settings.tracking === 'off') return null;
  return isTracked && settings.tracking === 'agreed' ? personalLinks(ctx, list) : sharedLinks(ctx, list, id);
}

/** How links are written into a mail that is the same for everybody. */
export function sharedLinks(
  ctx: Pick<Context, 'publicUrl' | 'keyring'>,
  list: ListFacts,
  campaignId: string,
): LinkChange {
  const address = linkAddress(ctx, list.organisation);
  return {
    isPersonal: false,
    of: (url) => (isCounted(ctx, list, url) ? clickUrl(ctx, address, { campaignId, url, consentId: null }) : null),
  };
}

/** How they are written into the mails of those who agreed: as holes, each named after its link. */
export function personalLinks(ctx: Pick<Context, 'publicUrl'>, list: ListFacts): LinkChange {
  return {
    isPersonal: true,
    of: (url) => (isCounted(ctx, list, url) ? hole(`k_${linkKey(url).toString('hex')}`) : null),
  };
}

/** What the holes of one person's mail are filled with. */
export function fillPersonal(
  ctx: Pick<Context, 'publicUrl' | 'keyring'>,
  list: ListFacts,
  of: { readonly campaignId: string; readonly consentId: string },
  names: Iterable<string>,
): Record<string, string> {
  const address = linkAddress(ctx, list.organisation);
  const filled = [...names].flatMap((name) => {
    const key = /^k_([0-9a-f]{16})$/.exec(name)?.[1];
    return key === undefined ? [] : [[name, tokenUrl(ctx, address, { ...of, link: Buffer.from(key, 'hex') })] as const];
  });
  return Object.fromEntries(filled);
}

function clickUrl(
  ctx: Pick<Context, 'keyring'>,
  address: string,
  { url, ...of }: { campaignId: string; url: string; consentId: null },
): string {
  return tokenUrl(ctx, address, { ...of, link: linkKey(url) });
}

function tokenUrl(ctx: Pick<Context, 'keyring'>, address: string, click: Parameters<typeof makeClickToken>[2]): string {
  return `${address}/k/${makeClickToken(ctx.keyring, hostOf(address), click)}`;
}
