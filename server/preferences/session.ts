import { createHmac, randomBytes } from 'node:crypto';
import type { Context } from '../context.js';
import { currentKey } from '../keys/keyring.js';
import { isSealed, seal } from '../keys/seal.js';

/** How long a magic session lasts (T9), in ms. */
export const MAGIC_SESSION_MS = 15 * 60_000;

/** Who a session belongs to. */
export type SessionOwner = { staffId: string } | { subscriberId: string };

/** Opens a session; returns the cookie's value. The database keeps only a peppered hash of it, sealed together with whose it is and when it ends (T6). */
export async function openSession(ctx: Context, owner: SessionOwner, lifetimeMs: number): Promise<string> {
  const secret = randomBytes(32).toString('base64url');
  const at = ctx.now();
  const session: Session = {
    hash: hashOf(ctx, secret),
    staffId: 'staffId' in owner ? owner.staffId : null,
    subscriberId: 'subscriberId' in owner ? owner.subscriberId : null,
    expiresAt: new Date(at.getTime() + lifetimeMs),
  };
  await ctx.db.query(
    'insert into session (hash, staff_id, subscriber_id, created_at, expires_at, seal) values ($1, $2, $3, $4, $5, $6)',
    [
      ...[session.hash, session.staffId, session.subscriberId, at, session.expiresAt],
      seal(ctx.keyring, 'session', sealedParts(session)),
    ],
  );
  return secret;
}

/** Whose session a cookie opens and when it ends, or null. */
export async function sessionOf(
  ctx: Context,
  secret: string | undefined,
): Promise<(SessionOwner & { expiresAt: Date }) | null> {
  if (!secret || !/^[A-Za-z0-9_-]{43}$/.test(secret)) return null;
  const [row] = await ctx.db.query<Session & { seal: Buffer }>(
    'select hash, staff_id as "staffId", subscriber_id as "subscriberId", expires_at as "expiresAt", seal from session where hash = $1 and expires_at > $2',
    [hashOf(ctx, secret), ctx.now()],
  );
  if (!row || !isSealed(ctx.keyring, 'session', sealedParts(row), row.seal)) return null;
  const { expiresAt } = row;
  return row.staffId ? { staffId: row.staffId, expiresAt } : { subscriberId: row.subscriberId ?? '', expiresAt };
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

interface Session {
  readonly hash: Buffer;
  readonly staffId: string | null;
  readonly subscriberId: string | null;
  readonly expiresAt: Date;
}

function sealedParts(session: Session): (Buffer | string | Date | null)[] {
  return [session.hash, session.staffId, session.subscriberId, session.expiresAt];
}

function hashOf(ctx: Context, secret: string): Buffer {
  return createHmac('sha256', currentKey(ctx.keyring, 'pepper')).update(`session\0${secret}`).digest();
}
