import { createHmac } from 'node:crypto';
import type { Context } from '../context.js';
import { knownKey } from '../keys/keyring.js';

/** Binds a token that signs no content to the content that it came with first. false: it came with other content before. */
export async function bindToken(ctx: Context, token: string, content: string): Promise<boolean> {
  const [row] = await ctx.db.query<{ isSame: boolean }>(
    `insert into webhook_token as known (token_hash, content_hash, seen_at) values ($1, $2, $3)
     on conflict (token_hash) do update set seen_at = known.seen_at returning content_hash = $2 as "isSame"`,
    [hashOf(ctx, token), hashOf(ctx, content), ctx.now()],
  );
  return row?.isSame ?? false;
}

/** Keyed, as the content names a person. Under the oldest master, so that rotation forgets none. */
function hashOf(ctx: Context, text: string): Buffer {
  return createHmac('sha256', knownKey(ctx.keyring, 'pepper', Math.min(...ctx.keyring.ids)))
    .update(`webhook-token\0${text}`)
    .digest();
}
