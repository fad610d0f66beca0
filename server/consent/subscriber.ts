import { randomUUID } from 'node:crypto';
import type { Acting } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { decryptField, encryptField } from '../keys/field.js';
import type { Keyring } from '../keys/keyring.js';
import { makeSubjectKey, unwrapKey } from '../keys/subject-key.js';

/** Finds the subscriber of an organisation by blind index, or makes one; returns the id. */
export async function openSubscriber(
  tx: Queryable,
  acting: Acting,
  of: { organisationId: string; blindIndex: Buffer; suppressionHash: Buffer; address: string; language: string },
): Promise<string> {
  const id = randomUUID();
  const profile = makeSubjectKey(acting.keyring, profilePlace(id));
  await tx.prepared(
    `insert into subscriber (id, organisation_id, blind_index, suppression_hash, profile_key, address, language, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (organisation_id, blind_index) do nothing`,
    [
      ...[id, of.organisationId, of.blindIndex, of.suppressionHash, profile.wrapped],
      ...[encryptField(profile.key, addressPlace(id), of.address), of.language, acting.now()],
    ],
  );
  const [row] = await tx.prepared<{ id: string }>(
    'select id from subscriber where organisation_id = $1 and blind_index = $2',
    [of.organisationId, of.blindIndex],
  );
  if (!row) throw new Error('a subscriber who was just written is gone');
  return row.id;
}

/** The address of a subscriber, decrypted. */
export function openAddress(keyring: Keyring, row: { id: string; profileKey: Buffer; address: Buffer }): string {
  return decryptField(
    unwrapKey(keyring, profilePlace(row.id), row.profileKey),
    addressPlace(row.id),
    row.address,
  ).toString();
}

function profilePlace(id: string): { table: string; column: string; row: string } {
  return { table: 'subscriber', column: 'profile_key', row: id };
}

function addressPlace(id: string): { table: string; column: string; row: string } {
  return { table: 'subscriber', column: 'address', row: id };
}
