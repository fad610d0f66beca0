import { randomUUID } from 'node:crypto';
import type { Acting } from '../context.js';
import type { Queryable } from '../database/connect.js';
import { blindIndex } from '../keys/blind-index.js';
import { decryptField, encryptField } from '../keys/field.js';
import type { Keyring } from '../keys/keyring.js';
import { makeSubjectKey, unwrapKey } from '../keys/subject-key.js';
import { parseAddress } from '../mail/address.js';

export interface NewSubscriber {
  readonly organisationId: string;
  readonly blindIndex: Buffer;
  readonly suppressionHash: Buffer;
  readonly address: string;
  readonly language: string;
}

/** Finds subscribers of their organisations by blind index, or makes them; returns the ids in the same order. Nobody may be asked for twice. */
export async function openSubscribers(
  tx: Queryable,
  acting: Acting,
  people: readonly NewSubscriber[],
): Promise<string[]> {
  const fresh = people.map((of) => {
    const id = randomUUID();
    const profile = makeSubjectKey(acting.keyring, profilePlace(id));
    return { ...of, id, wrapped: profile.wrapped, sealed: encryptField(profile.key, addressPlace(id), of.address) };
  });
  const column = <T>(pick: (row: (typeof fresh)[number]) => T): T[] => fresh.map(pick);
  const keys = [column((row) => row.organisationId), column((row) => row.blindIndex)];
  await tx.query(
    `insert into subscriber (organisation_id, blind_index, id, suppression_hash, profile_key, address, language, created_at)
     select *, $8 from unnest($1::uuid[], $2::bytea[], $3::uuid[], $4::bytea[], $5::bytea[], $6::bytea[], $7::text[])
     on conflict (organisation_id, blind_index) do nothing`,
    [
      ...[...keys, column((row) => row.id), column((row) => row.suppressionHash), column((row) => row.wrapped)],
      ...[column((row) => row.sealed), column((row) => row.language), acting.now()],
    ],
  );
  const found = await tx.query<{ id: string }>(
    `select s.id from unnest($1::uuid[], $2::bytea[]) with ordinality as row (o, b, place)
     join subscriber s on s.organisation_id = row.o and s.blind_index = row.b order by row.place`,
    keys,
  );
  if (found.length !== people.length) throw new Error('a subscriber who was just written is gone');
  return found.map(({ id }) => id);
}

/** The address of a subscriber, decrypted. */
export function openAddress(keyring: Keyring, row: { id: string; profileKey: Buffer; address: Buffer }): string {
  return decryptField(
    unwrapKey(keyring, profilePlace(row.id), row.profileKey),
    addressPlace(row.id),
    row.address,
  ).toString();
}

/** What is known of a subscriber by name, decrypted. */
export function openAttributes(
  keyring: Keyring,
  row: { id: string; profileKey: Buffer; attributes: Buffer },
): Record<string, string> {
  const key = unwrapKey(keyring, profilePlace(row.id), row.profileKey);
  return JSON.parse(decryptField(key, attributesPlace(row.id), row.attributes).toString()) as Record<string, string>;
}

/** The same, encrypted. */
export function sealAttributes(
  keyring: Keyring,
  row: { id: string; profileKey: Buffer },
  attributes: Readonly<Record<string, string>>,
): Buffer {
  const key = unwrapKey(keyring, profilePlace(row.id), row.profileKey);
  return encryptField(key, attributesPlace(row.id), JSON.stringify(attributes));
}

/** Who a subscriber's row says it is: it must follow from the address in it, which nobody can make by SQL (T6). */
export interface SubscriberRow {
  readonly id: string;
  readonly organisationId: string;
  readonly blindIndex: Buffer;
  readonly profileKey: Buffer | null;
  readonly address: Buffer | null;
}

/** Does this row still belong to the address that it is found by? */
export function isOurSubscriber(keyring: Keyring, row: SubscriberRow): boolean {
  try {
    if (!row.profileKey || !row.address) return false;
    const { normal } = parseAddress(openAddress(keyring, { ...row, profileKey: row.profileKey, address: row.address }));
    return row.blindIndex.equals(blindIndex(keyring, row.organisationId, normal));
  } catch {
    return false;
  }
}

function profilePlace(id: string): { table: string; column: string; row: string } {
  return { table: 'subscriber', column: 'profile_key', row: id };
}

function addressPlace(id: string): { table: string; column: string; row: string } {
  return { table: 'subscriber', column: 'address', row: id };
}

function attributesPlace(id: string): { table: string; column: string; row: string } {
  return { table: 'subscriber', column: 'attributes', row: id };
}
