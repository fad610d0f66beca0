import type { Context } from '../context.js';
import type { Credential } from './credential.js';

/** Notes that a credential was used, to the minute: one that nobody uses can be revoked without worry. */
export async function noteUse(ctx: Context, { id }: Pick<Credential, 'id'>): Promise<void> {
  await ctx.db.query(
    `update gateway_credential set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2::timestamptz - interval '1 minute')`,
    [id, ctx.now()],
  );
}
