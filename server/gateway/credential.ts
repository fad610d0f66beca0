import { createHmac, timingSafeEqual } from 'node:crypto';
import type { GatewayCredential } from '../../entities/gateway.js';
import type { Context } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { knownKey, type Keyring } from '../keys/keyring.js';
import { isSealed, seal } from '../keys/seal.js';

/** What a credential may do; nothing of its secret. */
export type Credential = Omit<CredentialRow, 'secretHash' | 'seal'>;

/** The whole row. */
export type CredentialRow = Pick<GatewayCredential, keyof GatewayCredential>;

const COLUMNS = `id, organisation_id as "organisationId", user_name as "userName", secret_hash as "secretHash", name, list_ids as "listIds",
  default_list_id as "defaultListId", is_transactional as "isTransactional", daily_cap as "dailyCap", policy, made_by as "madeBy", created_at as "createdAt",
  last_used_at as "lastUsedAt", revoked_at as "revokedAt", seal`;

/** What a user name looks like: nothing else that somebody types reaches the database. */
const USER_NAME = /^zg-[0-9a-f]{16}$/;

/** All credentials of an organisation, or of all, newest first; those that we did not write are left out (T6). */
export async function credentialsOf(ctx: Context, organisationId: string | null): Promise<Credential[]> {
  const rows = await ctx.db.query<CredentialRow>(
    `select ${COLUMNS} from gateway_credential where $1::uuid is null or organisation_id = $1 order by created_at desc, id`,
    [organisationId],
  );
  return rows.filter((row) => isOurs(ctx.keyring, row)).map(withoutSecret);
}

/** The credential of a user name, if it is ours; revoked or not. */
export async function credentialNamed(
  ctx: Context,
  on: Queryable,
  userName: string,
  lock: '' | 'for update' = '',
): Promise<CredentialRow | null> {
  if (!USER_NAME.test(userName)) return null;
  const [row] = await on.query<CredentialRow>(
    `select ${COLUMNS} from gateway_credential where user_name = $1 ${lock}`,
    [userName],
  );
  return row && isOurs(ctx.keyring, row) ? row : null;
}

/** Who logs in; null: nobody. What is compared takes the same time for a user that there is not. */
export async function logIn(ctx: Context, userName: string, password: string): Promise<Credential | null> {
  const row = await credentialNamed(ctx, ctx.db, userName);
  const stored = row?.secretHash ?? Buffer.alloc(33, ctx.keyring.current);
  const master = stored[0] ?? 0;
  const isKnown = ctx.keyring.key('pepper', master) !== null;
  const given = hashSecret(ctx.keyring, isKnown ? master : ctx.keyring.current, row?.id ?? '', password);
  const isSame = stored.length === given.length && timingSafeEqual(stored, given);
  return row?.secretHash && isKnown && isSame && row.revokedAt === null ? withoutSecret(row) : null;
}

/**
 * Master id (1) | HMAC-SHA256 (32). The secret is 256 bits of chance, so that nothing slower is needed; the key is not in the database, and the hash belongs to
 * one credential, so that SQL alone can neither make nor copy one (T6).
 */
export function hashSecret(keyring: Keyring, master: number, id: string, secret: string): Buffer {
  const hash = createHmac('sha256', knownKey(keyring, 'pepper', master))
    .update(`gateway\0${id}\0${secret}`)
    .digest();
  return Buffer.concat([Buffer.from([master]), hash]);
}

/** Binds all that a credential may do. */
export function sealCredential(keyring: Keyring, row: Omit<CredentialRow, 'seal' | 'lastUsedAt'>): Buffer {
  return seal(keyring, 'gateway_credential', sealedParts(row));
}

/** What may be shown. */
export function withoutSecret(row: CredentialRow): Credential {
  const { id, organisationId, userName, name, listIds, defaultListId, isTransactional, dailyCap, policy } = row;
  const { madeBy, createdAt, lastUsedAt, revokedAt } = row;
  return {
    ...{ id, organisationId, userName, name, listIds, defaultListId, isTransactional, dailyCap, policy },
    ...{ madeBy, createdAt, lastUsedAt, revokedAt },
  };
}

function isOurs(keyring: Keyring, row: CredentialRow): boolean {
  return isSealed(keyring, 'gateway_credential', sealedParts(row), row.seal);
}

function sealedParts(row: Omit<CredentialRow, 'seal' | 'lastUsedAt'>): (string | Buffer | Date | null)[] {
  return [
    ...[row.id, row.organisationId, row.userName, row.secretHash, row.name, row.listIds.join(','), row.defaultListId],
    ...[String(row.isTransactional), String(row.dailyCap), row.policy, row.madeBy, row.createdAt, row.revokedAt],
  ];
}
