import type { GatewayMail } from '../../entities/gateway.js';
import { decryptField, encryptField } from '../keys/field.js';
import type { Keyring } from '../keys/keyring.js';
import { isSealed, seal } from '../keys/seal.js';
import { unwrapKey, wrapKey } from '../keys/subject-key.js';

/** Somebody who was refused or skipped: as staff may see it. */
export interface SkippedPerson {
  /** Masked. */
  readonly to: string;
  readonly why: string;
}

/** Wraps the key of a mail. */
export function wrapMailKey(keyring: Keyring, id: string, key: Buffer): Buffer {
  return wrapKey(keyring, placeOf(id, 'mail_key'), key);
}

/** The key under which a mail's bytes lie. */
export function openMailKey(keyring: Keyring, id: string, wrapped: Buffer): Buffer {
  return unwrapKey(keyring, placeOf(id, 'mail_key'), wrapped);
}

/** A piece of a mail, bound to its place. */
export function sealChunk(key: Buffer, id: string, place: number, bytes: Buffer): Buffer {
  return encryptField(key, { table: 'gateway_chunk', column: 'body', row: `${id} ${place}` }, bytes);
}

export function openChunk(key: Buffer, id: string, place: number, sealed: Buffer): Buffer {
  return decryptField(key, { table: 'gateway_chunk', column: 'body', row: `${id} ${place}` }, sealed);
}

export function sealSubject(key: Buffer, id: string, subject: string): Buffer {
  return encryptField(key, placeOf(id, 'subject'), subject);
}

export function openSubject(key: Buffer, id: string, sealed: Buffer): string {
  return decryptField(key, placeOf(id, 'subject'), sealed).toString();
}

export function sealPeople(key: Buffer, id: string, people: readonly SkippedPerson[]): Buffer {
  return encryptField(key, placeOf(id, 'skipped_people'), JSON.stringify(people));
}

export function openPeople(key: Buffer, id: string, sealed: Buffer): SkippedPerson[] {
  return JSON.parse(decryptField(key, placeOf(id, 'skipped_people'), sealed).toString()) as SkippedPerson[];
}

/** What may not be changed by SQL once a mail was taken (T6): whose it is, and for which list it goes out. */
export type SealedMail = Pick<
  GatewayMail,
  'id' | 'organisationId' | 'credentialId' | 'listId' | 'refusal' | 'receivedAt'
>;

export function sealMail(keyring: Keyring, mail: SealedMail): Buffer {
  return seal(keyring, 'gateway_mail', sealedParts(mail));
}

export function isOurMail(keyring: Keyring, mail: SealedMail & { seal: Buffer }): boolean {
  return isSealed(keyring, 'gateway_mail', sealedParts(mail), mail.seal);
}

function sealedParts(mail: SealedMail): (string | Date | null)[] {
  return [mail.id, mail.organisationId, mail.credentialId, mail.listId, mail.refusal, mail.receivedAt];
}

function placeOf(id: string, column: string): { table: string; column: string; row: string } {
  return { table: 'gateway_mail', column, row: id };
}
