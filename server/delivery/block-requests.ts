import { suppressionEntry } from '../consent/journal.js';
import { BLOCK_DAYS } from '../consent/refuse.js';
import type { Context } from '../context.js';

/** Keeps mails that somebody else can cause, confirmations and links, from a person who called one of them spam: as the button "this was not me" does. */
export async function blockRequests(ctx: Context, subscriberId: string): Promise<void> {
  const at = ctx.now();
  const until = new Date(at.getTime() + BLOCK_DAYS * 86_400_000);
  const blocked = await ctx.db.query<{ organisation: string; hash: Buffer }>(
    `insert into suppression (organisation_id, hash, reason, until, created_at)
     select s.organisation_id, s.suppression_hash, 'not-me', $2, $3 from subscriber s where s.id = $1 and s.suppression_hash is not null
     on conflict (organisation_id, hash, reason) do update set until = excluded.until
     returning organisation_id as organisation, hash`,
    [subscriberId, until, at],
  );
  await ctx.journal.write(blocked.map((row) => suppressionEntry({ ...row, reason: 'not-me', at, until })));
}
