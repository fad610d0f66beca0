import { linkAddress, type ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { PICTURE_BYTES } from '../links/picture-token.js';
import { pictureUrl } from '../links/urls.js';
import { contentIdOf, replacePictures } from './content.js';
import { isHosted } from './placement.js';
import type { CampaignContent } from './prepare.js';

/** A mail's HTML in which the pictures that are fetched have their addresses; those that go along stay as they are. */
export function hostPictures(
  ctx: Pick<Context, 'publicUrl' | 'keyring'>,
  list: ListFacts,
  content: CampaignContent,
  html: string,
): string {
  const maker = { keyring: ctx.keyring, publicUrl: linkAddress(ctx, list.organisation) };
  const hosted = (content.pictures ?? []).filter((picture) => isHosted(content, picture));
  const urls = hosted.map((picture) => {
    const named = Buffer.from(picture.sha256, 'hex').subarray(0, PICTURE_BYTES);
    return [contentIdOf(picture), pictureUrl(maker, { campaignId: content.id, picture: named })] as const;
  });
  return replacePictures(html, new Map(urls));
}
