import type { DkimAlgorithm } from '../../entities/dkim-key.js';
import type { Context } from '../context.js';
import type { KeyOwner } from './dkim-keys.js';
import { OVERLAP_DAYS } from './rotate-dkim.js';

/** A key that signed once, and of which only its name is left. */
export interface DestroyedKey {
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
  readonly destroyedAt: Date;
}

/**
 * Destroys the private keys that signed formerly, once no mail of theirs is on its way: nobody can sign with them any more, and their records may go from the DNS.
 * Selector, algorithm and day are noted. Returns how many.
 */
export async function destroyFormerKeys(ctx: Context): Promise<number> {
  const now = ctx.now();
  const gone = await ctx.db.query<{ domain: string; selector: string }>(
    `update dkim_key set private_key = null, destroyed_at = $1 where retired_at <= $2 and private_key is not null returning domain, selector`,
    [now, new Date(now.getTime() - OVERLAP_DAYS * 86_400_000)],
  );
  for (const { domain, selector } of gone)
    ctx.logger.info({ domain, selector }, 'a former DKIM key is destroyed: its record may go from the DNS');
  return gone.length;
}

/** Those of a domain, newest first. */
export async function destroyedKeys(ctx: Context, { organisationId, domain }: KeyOwner): Promise<DestroyedKey[]> {
  return ctx.db.query<DestroyedKey>(
    `select selector, algorithm, destroyed_at as "destroyedAt" from dkim_key
     where organisation_id = $1 and domain = $2 and destroyed_at is not null order by created_at desc, algorithm desc, id`,
    [organisationId, domain],
  );
}
