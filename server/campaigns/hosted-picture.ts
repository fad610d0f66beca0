import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { openPictureToken } from '../links/picture-token.js';
import { hashOf } from './content.js';
import { isServable, pictureType } from './picture-type.js';
import { SizedCache } from './sized-cache.js';

/** A picture as mail programs fetch it. */
export interface HostedPicture {
  readonly type: string;
  readonly body: Buffer;
  /** In hex. */
  readonly sha256: string;
}

/** Those that are fetched now are fetched by many: so many bytes of them are kept. */
const KEPT_BYTES = 16_000_000;
const kept = new WeakMap<Context, SizedCache<HostedPicture>>();

/**
 * The picture that an address of ours names, also of a draft, whose tests show it; of a campaign that was cancelled or ended too, since mails stay. What type it is
 * says its first bytes. Throws `link-damaged` for an address that we did not make, `not-found` for what is not the picture that it names (T6), or could run in a browser.
 */
export async function hostedPicture(ctx: Context, token: string): Promise<HostedPicture> {
  const { campaignId, picture } = openPictureToken(ctx.keyring, ctx.audiences, token);
  const pictures = kept.get(ctx) ?? new SizedCache<HostedPicture>(KEPT_BYTES, ({ body }) => body.length);
  kept.set(ctx, pictures);
  return pictures.of(token, async () => readPicture(ctx, campaignId, picture));
}

async function readPicture(ctx: Context, campaignId: string, named: Buffer): Promise<HostedPicture> {
  const [row] = await ctx.db.query<{ body: Buffer }>(
    `select p.body from campaign_picture c join picture p using (sha256)
     where c.campaign_id = $1 and substring(c.sha256 from 1 for ${named.length}) = $2`,
    [campaignId, named],
  );
  const found = row && { type: pictureType(row.body) ?? '', body: row.body, sha256: hashOf(row.body) };
  if (!found?.sha256.startsWith(named.toString('hex')) || !isServable(found.type))
    throw new Refusal('not-found', 'There is no such picture.');
  return found;
}
