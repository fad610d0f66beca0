import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { tryAddress } from '../mail/address.js';
import { openSession, sessionOf } from '../preferences/session.js';
import { isPassword } from './passwords.js';
import { staffByAddress, staffById, type StaffMember } from './staff.js';

/** How long staff stay logged in, in ms. */
export const STAFF_SESSION_MS = 12 * 3_600_000;

/** In the place of the id of somebody who does not exist. */
const NOBODY = '00000000-0000-4000-8000-000000000000';

/** Opens a session; returns the cookie's value. Throws `login-failed`, in the same words and time for an unknown address and a wrong password. */
export async function logIn(ctx: Context, login: { email: string; password: string }): Promise<string> {
  const normal = tryAddress(login.email)?.normal ?? null;
  const staff = normal === null ? null : await staffByAddress(ctx, normal);
  const good = await isPassword(ctx.keyring, staff?.id ?? NOBODY, staff?.passwordHash ?? null, login.password);
  if (!staff || !good) throw new Refusal('login-failed', 'Address or password is wrong.');
  return openSession(ctx, { staffId: staff.id }, STAFF_SESSION_MS);
}

/** Whose staff session a cookie opens, or null. */
export async function staffOfSession(ctx: Context, secret: string | undefined): Promise<StaffMember | null> {
  const owner = await sessionOf(ctx, secret);
  return owner && 'staffId' in owner ? staffById(ctx, owner.staffId) : null;
}
