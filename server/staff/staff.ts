import { randomBytes, randomUUID } from 'node:crypto';
import type { StaffRole } from '../../entities/staff.js';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { blindIndex } from '../keys/blind-index.js';
import { decryptField, encryptField, type Place } from '../keys/field.js';
import { makeSubjectKey, unwrapKey } from '../keys/subject-key.js';
import { parseAddress } from '../mail/address.js';
import { hashPassword } from './passwords.js';

/** A person with a login. */
export interface StaffMember {
  readonly id: string;
  readonly address: string;
  readonly role: StaffRole;
}

export interface NewStaff {
  readonly email: string;
  readonly role: StaffRole;
  /** Absent: one is made up and returned. */
  readonly password?: string;
}

/** In the place of an organisation's id: staff belong to the installation. */
const SCOPE = 'staff';

interface Row {
  id: string;
  profile_key: Buffer;
  address: Buffer;
  role: StaffRole;
  password_hash: string | null;
}

/**
 * Gives somebody a login. Returns the password when it was made up: it is shown once and kept nowhere. Throws `address-invalid`,
 * `body-invalid` for a short password, and `not-allowed` when the address has a login.
 */
export async function addStaff(
  ctx: Context,
  staff: NewStaff,
  on: Queryable = ctx.db,
): Promise<StaffMember & { password: string | null }> {
  const address = parseAddress(staff.email);
  const id = randomUUID();
  const password = staff.password ?? randomBytes(15).toString('base64url');
  const passwordHash = await hashPassword(ctx.keyring, id, password);
  const profile = makeSubjectKey(ctx.keyring, place(id, 'profile_key'));
  const added = await on.query(
    `insert into staff (id, blind_index, profile_key, address, role, password_hash, created_at) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (blind_index) do nothing returning 1`,
    [
      ...[id, blindIndex(ctx.keyring, SCOPE, address.normal), profile.wrapped],
      ...[encryptField(profile.key, place(id, 'address'), address.given), staff.role, passwordHash, ctx.now()],
    ],
  );
  if (added.length === 0) throw new Refusal('not-allowed', 'This address has a login already.');
  return { id, address: address.given, role: staff.role, password: staff.password === undefined ? password : null };
}

/** Does anybody have a login? */
export async function hasStaff(on: Queryable): Promise<boolean> {
  return (await on.query('select 1 from staff limit 1')).length > 0;
}

/** Who has this id, or null. */
export async function staffById(ctx: Context, id: string): Promise<StaffMember | null> {
  const [row] = await ctx.db.query<Row>(`${SELECT} where id = $1`, [id]);
  return row ? open(ctx, row) : null;
}

/** Who logs in with this address, and the hash of their password; null when nobody does. */
export async function staffByAddress(
  ctx: Context,
  normal: string,
): Promise<(StaffMember & { passwordHash: string | null }) | null> {
  const [row] = await ctx.db.query<Row>(`${SELECT} where blind_index = $1`, [blindIndex(ctx.keyring, SCOPE, normal)]);
  return row ? { ...open(ctx, row), passwordHash: row.password_hash } : null;
}

const SELECT = 'select id, profile_key, address, role, password_hash from staff';

function open(ctx: Pick<Context, 'keyring'>, row: Row): StaffMember {
  const key = unwrapKey(ctx.keyring, place(row.id, 'profile_key'), row.profile_key);
  return { id: row.id, role: row.role, address: decryptField(key, place(row.id, 'address'), row.address).toString() };
}

function place(id: string, column: string): Place {
  return { table: 'staff', column, row: id };
}
