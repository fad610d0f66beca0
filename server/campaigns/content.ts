import { createHash } from 'node:crypto';
import type { Queryable } from '../database/connect.js';
import { Refusal } from '../errors.js';
import type { CampaignContent, Picture } from './prepare.js';

/** The columns of a campaign that make a `CampaignContent`; of its pictures the types and hashes, see `withPictures` for the rest. */
export const CONTENT_COLUMNS = `campaign.id, campaign.subject, campaign.html, campaign.text, campaign.settings,
  case when campaign.format = 'message' then campaign.source end as message,
  (select coalesce(jsonb_agg(jsonb_build_object('type', p.type, 'sha256', encode(sha256(p.body), 'hex')) order by p.place), '[]')
   from campaign_picture p where p.campaign_id = campaign.id) as pictures`;

/** The content with the bytes of its pictures. Throws `campaign-state` when they are not those that it names (T6). */
export async function withPictures<C extends CampaignContent>(on: Queryable, content: C): Promise<C> {
  if (!content.pictures?.length) return content;
  const rows = await on.query<{ body: Buffer }>(
    'select body from campaign_picture where campaign_id = $1 order by place',
    [content.id],
  );
  const pictures = content.pictures.map((picture, place): Picture => {
    const body = rows[place]?.body ?? Buffer.alloc(0);
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

/** A page with its pictures in it, for showing. */
export function showPictures(html: string, pictures: readonly Picture[] = []): string {
  return pictures.reduce(
    (page, picture) =>
      page.replaceAll(
        `cid:${contentIdOf(picture)}`,
        `data:${picture.type};base64,${(picture.body ?? Buffer.alloc(0)).toString('base64')}`,
      ),
    html,
  );
}
