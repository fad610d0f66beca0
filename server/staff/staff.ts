import type { StaffRole } from '../../entities/staff.js';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { blindIndex } from '../keys/blind-index.js';
import { decryptField, type Place } from '../keys/field.js';
import { isSealed, seal } from '../keys/seal.js';
import { unwrapKey } from '../keys/subject-key.js';

/** A person with a login. */
export interface StaffMember {
  readonly id: string;
  readonly address: string;
  readonly role: StaffRole;
}

interface Row {
  id: string;
  profile_key: Buffer;
  address: Buffer;
  role: StaffRole;
  password_hash: string | null;
  blind_index: Buffer;
  seal: Buffer;
}

/** Does anybody have a login? */
export async function hasStaff(on: Queryable): Promise<boolean> {
  return (await on.query('select 1 from staff limit 1')).length > 0;
}

/** Who has this id, or null; a row that we did not write is nobody (T6). */
export async function staffById(ctx: Context, id: string): Promise<StaffMember | null> {
  const [row] = await ctx.db.query<Row>(`${SELECT} where id = $1`, [id]);
  return row && isOurs(ctx, row) ? open(ctx, row) : null;
}

/** Who logs in with this address, and the hash of their password; null when nobody does. */
export async function staffByAddress(
  ctx: Context,
  normal: string,
): Promise<(StaffMember & { passwordHash: string | null }) | null> {
  const [row] = await ctx.db.query<Row>(`${SELECT} where blind_index = $1`, [staffIndex(ctx, normal)]);
  return row && isOurs(ctx, row) ? { ...open(ctx, row), passwordHash: row.password_hash } : null;
}

/** All who have a login, in the order of their addresses. */
export async function allStaff(ctx: Context): Promise<StaffMember[]> {
  const rows = await ctx.db.query<Row>(SELECT);
  return rows
    .filter((row) => isOurs(ctx, row))
    .map((row) => open(ctx, row))
    .sort((a, b) => a.address.localeCompare(b.address));
}

const SELECT = 'select id, blind_index, profile_key, address, role, password_hash, seal from staff';

/** What makes a row a login: nobody gets one, or a higher role, by SQL (T6). */
export function sealStaff(ctx: Pick<Context, 'keyring'>, staff: SealedStaff): Buffer {
  return seal(ctx.keyring, 'staff', sealedParts(staff));
}

export type SealedStaff = Pick<Row, 'id' | 'blind_index' | 'role' | 'password_hash'>;

function sealedParts(staff: SealedStaff): (string | Buffer | null)[] {
  return [staff.id, staff.blind_index, staff.role, staff.password_hash];
}

function isOurs(ctx: Pick<Context, 'keyring'>, row: Row): boolean {
  return isSealed(ctx.keyring, 'staff', sealedParts(row), row.seal);
}

function open(ctx: Pick<Context, 'keyring'>, row: Row): StaffMember {
  const key = unwrapKey(ctx.keyring, staffPlace(row.id, 'profile_key'), row.profile_key);
  return {
    id: row.id,
    role: row.role,
    address: decryptField(key, staffPlace(row.id, 'address'), row.address).toString(),
  };
}

/** By which staff are found: they belong to the installation, not to an organisation. */
export function staffIndex(ctx: Pick<Context, 'keyring'>, normal: string): Buffer {
  return blindIndex(ctx.keyring, 'staff', normal);
}

/** Where an encrypted value of a staff member belongs. */
export function staffPlace(id: string, column: 'profile_key' | 'address'): Place {
  return { table: 'staff', column, row: id };
}
