import { createHash } from 'node:crypto';
import type { Queryable } from '../database/connect.js';
import { Refusal } from '../errors.js';
import type { CampaignContent, Picture } from './prepare.js';

/** The columns of a campaign that make a `CampaignContent`; of its pictures types, hashes and sizes, see `withPictures` for the rest. */
export const CONTENT_COLUMNS = `campaign.id, campaign.subject, campaign.html, campaign.text, campaign.settings,
  case when campaign.format = 'message' then campaign.source end as message,
  (select coalesce(jsonb_agg(jsonb_build_object('type', p.type, 'sha256', encode(p.sha256, 'hex'), 'bytes', octet_length(p.body)) order by c.place), '[]')
   from campaign_picture c join picture p using (sha256) where c.campaign_id = campaign.id) as pictures`;

/** The content with the bytes of its pictures, or of those that `isWanted`. Throws `campaign-state` when they are not those that it names (T6). */
export async function withPictures<C extends CampaignContent>(
  on: Queryable,
  content: C,
  isWanted: (picture: Picture) => boolean = () => true,
): Promise<C> {
  const wanted = (content.pictures ?? []).filter(isWanted).map(({ sha256 }) => sha256);
  if (wanted.length === 0) return content;
  const rows = await on.query<{ sha256: string; body: Buffer }>(
    `select encode(sha256, 'hex') as sha256, body from picture where sha256 = any(select decode(name, 'hex') from unnest($1::text[]) as name)`,
    [wanted],
  );
  const bodies = new Map(rows.map(({ sha256, body }) => [sha256, body]));
  const pictures = (content.pictures ?? []).map((picture): Picture => {
    if (!wanted.includes(picture.sha256)) return picture;
    const body = bodies.get(picture.sha256) ?? Buffer.alloc(0);
    if (hashOf(body) !== picture.sha256)
      throw new Refusal('campaign-state', 'A picture of this campaign is not what was uploaded.');
    return { ...picture, body };
  });
  return { ...content, pictures };
}

/** A picture as it is named in a mail: SHA-256 in hex. */
export function hashOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

/** What the HTML calls a picture: `cid:` and this. RFC 2392. */
export function contentIdOf({ sha256 }: Pick<Picture, 'sha256'>): string {
  return `${sha256.slice(0, 32)}@picture`;
}

/** A page in which pictures that it calls by their content ids have addresses; those that are not named stay as they are. */
export function replacePictures(html: string, urls: ReadonlyMap<string, string>): string {
  if (urls.size === 0) return html;
  return html.replace(
    /\bcid:([^\s"'()<>]{1,300})/gi,
    (all, id: string) => urls.get(id) ?? urls.get(decoded(id)) ?? all,
  );
}

/** A page with its pictures in it, for showing. */
export function showPictures(html: string, pictures: readonly ShownPicture[] = []): string {
  const urls = pictures.flatMap(({ contentId, type, body }) =>
    body ? [[contentId, `data:${type};base64,${body.toString('base64')}`] as const] : [],
  );
  return replacePictures(html, new Map(urls));
}

/** A picture with what a page calls it. */
export interface ShownPicture extends Pick<Picture, 'type' | 'body'> {
  readonly contentId: string;
}

/** The pictures of a campaign as its HTML calls them. */
export function shownPictures({ pictures = [] }: Pick<CampaignContent, 'pictures'>): ShownPicture[] {
  return pictures.map((picture) => ({ ...picture, contentId: contentIdOf(picture) }));
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
