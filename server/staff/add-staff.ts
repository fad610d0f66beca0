import { randomBytes, randomUUID } from 'node:crypto';
import type { StaffRole } from '../../entities/staff.js';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { encryptField } from '../keys/field.js';
import { makeSubjectKey } from '../keys/subject-key.js';
import { parseAddress } from '../mail/address.js';
import { hashPassword } from './passwords.js';
import { sealStaff, staffIndex, staffPlace, type StaffMember } from './staff.js';

export interface NewStaff {
  readonly email: string;
  /** owner, marketer or viewer. */
  readonly role: string;
  /** Absent: one is made up. */
  readonly password?: string;
}

/**
 * Gives somebody a login. Returns the password, which is kept nowhere: one that was made up is shown once. Throws `address-invalid`,
 * `body-invalid` for a short password or an unknown role, and `not-allowed` when the address has a login.
 */
export async function addStaff(
  ctx: Context,
  staff: NewStaff,
  on: Queryable = ctx.db,
): Promise<StaffMember & { password: string }> {
  const role = roleOf(staff.role);
  const address = parseAddress(staff.email);
  const id = randomUUID();
  const password = staff.password ?? randomBytes(15).toString('base64url');
  const passwordHash = await hashPassword(ctx.keyring, id, password);
  const profile = makeSubjectKey(ctx.keyring, staffPlace(id, 'profile_key'));
  const index = staffIndex(ctx, address.normal);
  const added = await on.query(
    `insert into staff (id, blind_index, profile_key, address, role, password_hash, created_at, seal) values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (blind_index) do nothing returning 1`,
    [
      ...[id, index, profile.wrapped],
      ...[encryptField(profile.key, staffPlace(id, 'address'), address.given), role, passwordHash, ctx.now()],
      sealStaff(ctx, { id, blind_index: index, role, password_hash: passwordHash }),
    ],
  );
  if (added.length === 0) throw new Refusal('not-allowed', 'This address has a login already.');
  return { id, address: address.given, role, password };
}

function roleOf(text: string): StaffRole {
  if (text === 'owner' || text === 'marketer' || text === 'viewer') return text;
  throw new Refusal('body-invalid', 'A role is owner, marketer or viewer.');
}
