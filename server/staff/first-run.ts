import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { knownKey, type Keyring } from '../keys/keyring.js';
import { addStaff } from './add-staff.js';
import { hasStaff, type StaffMember } from './staff.js';

/** How long a first-run link works (T10), in minutes. */
export const FIRST_RUN_MINUTES = 30;

/**
 * A fresh link for whoever makes the first login, to be printed at start; null when somebody has one. Only a peppered hash of it is
 * kept, so that SQL alone cannot make one (T6). A former link stops working.
 */
export async function firstRunLink(ctx: Context): Promise<string | null> {
  if (await hasStaff(ctx.db)) return null;
  const secret = randomBytes(32).toString('base64url');
  const expiresAt = new Date(ctx.now().getTime() + FIRST_RUN_MINUTES * 60_000);
  await ctx.db.query('update installation set first_run_hash = $1, first_run_expires_at = $2 where id = 1', [
    hashOf(ctx.keyring, secret, expiresAt),
    expiresAt,
  ]);
  return `${ctx.publicUrl}/admin/first-run/${secret}`;
}

/** Does this secret open the form? It changes nothing. Throws `link-used` when somebody has a login, `link-expired`, `link-damaged`. */
export async function checkFirstRun(ctx: Context, secret: string, on: Queryable = ctx.db): Promise<void> {
  if (await hasStaff(on)) throw new Refusal('link-used', 'There is a login already.');
  const [row] = await on.query<{ first_run_hash: Buffer | null; first_run_expires_at: Date | null }>(
    'select first_run_hash, first_run_expires_at from installation where id = 1',
  );
  if (!row?.first_run_hash || !row.first_run_expires_at) {
    throw new Refusal('link-damaged', 'This link is not the one that was printed last.');
  }
  const hash = hashOf(ctx.keyring, secret, row.first_run_expires_at);
  if (row.first_run_hash.length !== hash.length || !timingSafeEqual(row.first_run_hash, hash)) {
    throw new Refusal('link-damaged', 'This link is not the one that was printed last.');
  }
  if (row.first_run_expires_at <= ctx.now()) {
    throw new Refusal('link-expired', 'This link has expired.', { expiresAt: row.first_run_expires_at });
  }
}

/** Makes the owner; the link is used up. Throws as `checkFirstRun` and `addStaff`. */
export async function createOwner(
  ctx: Context,
  secret: string,
  owner: { email: string; password: string },
): Promise<StaffMember> {
  return ctx.db.transaction(async (tx) => {
    // Whoever comes second waits here, and then finds a login.
    await tx.query('select 1 from installation where id = 1 for update');
    await checkFirstRun(ctx, secret, tx);
    const staff = await addStaff(ctx, { ...owner, role: 'owner' }, tx);
    await tx.query('update installation set first_run_hash = null, first_run_expires_at = null where id = 1');
    return staff;
  });
}

function hashOf(keyring: Keyring, secret: string, expiresAt: Date): Buffer {
  return createHmac('sha256', knownKey(keyring, 'pepper', keyring.current))
    .update(`first-run\0${secret}\0${expiresAt.toISOString()}`)
    .digest();
}
