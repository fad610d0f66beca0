import { openAddress } from '../consent/subscriber.js';
import type { Context } from '../context.js';
import { maskAddress, parseAddress } from '../mail/address.js';
import type { MaskedAddress } from '../web/pages.js';

/** The address of a subscriber as staff see it before they say why they need it (C-30); null: erased. */
export async function maskedOf(ctx: Context, subscriberId: string): Promise<MaskedAddress | null> {
  const [row] = await ctx.db.query<{ profileKey: Buffer | null; address: Buffer | null }>(
    'select profile_key as "profileKey", address from subscriber where id = $1',
    [subscriberId],
  );
  return row ? maskRow(ctx, { id: subscriberId, ...row }) : null;
}

/** The same of a row that is loaded. */
export function maskRow(
  ctx: Pick<Context, 'keyring'>,
  row: { id: string; profileKey: Buffer | null; address: Buffer | null },
): MaskedAddress | null {
  const { id, profileKey, address } = row;
  return profileKey && address
    ? maskAddress(parseAddress(openAddress(ctx.keyring, { id, profileKey, address })))
    : null;
}
