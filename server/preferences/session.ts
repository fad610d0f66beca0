import { createHmac, randomBytes } from 'node:crypto';
import type { Context } from '../context.js';
import { currentKey } from '../keys/keyring.js';

/** How long a magic session lasts (T9), in ms. */
export const MAGIC_SESSION_MS = 15 * 60_000;

/** Who a session belongs to. */
export type SessionOwner = { staffId: string } | { subscriberId: string };

/** Opens a session; returns the cookie's value. The database keeps only a peppered hash of it (T6). */
export async function openSession(ctx: Context, owner: SessionOwner, lifetimeMs: number): Promise<string> {
  const secret = randomBytes(32).toString('base64url');
  const at = ctx.now();
  await ctx.db.query(
    'insert into session (hash, staff_id, subscriber_id, created_at, expires_at) values ($1, $2, $3, $4, $5)',
    [
      hashOf(ctx, secret),
      'staffId' in owner ? owner.staffId : null,
      'subscriberId' in owner ? owner.subscriberId : null,
      at,
      new Date(at.getTime() + lifetimeMs),
    ],
  );
  return secret;
}

/** Whose session a cookie opens, or null. */
export async function sessionOf(ctx: Context, secret: string | undefined): Promise<SessionOwner | null> {
  if (!secret || !/^[A-Za-z0-9_-]{43}$/.test(secret)) return null;
  const [row] = await ctx.db.query<{ staffId: string | null; subscriberId: string | null }>(
    'select staff_id as "staffId", subscriber_id as "subscriberId" from session where hash = $1 and expires_at > $2',
    [hashOf(ctx, secret), ctx.now()],
  );
  if (!row) return null;
  return row.staffId ? { staffId: row.staffId } : { subscriberId: row.subscriberId ?? '' };
}

/** Ends a session. */
export async function closeSession(ctx: Context, secret: string | undefined): Promise<void> {
  if (secret) await ctx.db.query('delete from session where hash = $1', [hashOf(ctx, secret)]);
}

/** A token that a form of this session carries, so that no other site can post it. */
export function formToken(ctx: Context, secret: string): string {
  return createHmac('sha256', currentKey(ctx.keyring, 'ticket'))
    .update(`form\0${secret}`)
    .digest('base64url')
    .slice(0, 32);
}

function hashOf(ctx: Context, secret: string): Buffer {
  return createHmac('sha256', currentKey(ctx.keyring, 'pepper')).update(`session\0${secret}`).digest();
}
