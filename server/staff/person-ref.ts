import { createHmac } from 'node:crypto';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { decryptField, encryptField, type Place } from '../keys/field.js';
import type { Keyring } from '../keys/keyring.js';

/** Whom a staff member looks at. It stands in addresses of pages, sealed: no mail address gets into a URL, a history or a log. */
export interface PersonRef {
  readonly organisationId: string;
  /** null: nobody was found by the address. */
  readonly subscriberId: string | null;
  /** As the staff member typed it, or was shown it for a reason; null: they see it masked. */
  readonly address: string | null;
}

/** How long one look lasts, in minutes. */
export const LOOK_MINUTES = 30;

/** The reference, for one staff member, for the next half hour. */
export function makePersonRef(ctx: Pick<Context, 'keyring' | 'now'>, staffId: string, person: PersonRef): string {
  const { current } = ctx.keyring;
  const ends = Math.floor(ctx.now().getTime() / 1000) + LOOK_MINUTES * 60;
  const plain = JSON.stringify([ends, person.organisationId, person.subscriberId, person.address]);
  const sealed = encryptField(keyOf(ctx.keyring, current), placeOf(staffId), plain);
  return Buffer.concat([Buffer.from([current]), sealed]).toString('base64url');
}

/** Opens a reference. Throws `link-damaged` for what we did not make for this staff member, `link-expired` when the look is over. */
export function openPersonRef(ctx: Pick<Context, 'keyring' | 'now'>, staffId: string, text: string): PersonRef {
  const [ends, organisationId, subscriberId, address] = decrypt(ctx.keyring, staffId, text);
  if (ends * 1000 <= ctx.now().getTime()) throw new Refusal('link-expired', 'This look is over. Search again.');
  return { organisationId, subscriberId, address };
}

type Content = [ends: number, organisationId: string, subscriberId: string | null, address: string | null];

/** An address of 254 octets, two ids and what encryption adds stay far below. */
const MAX_LENGTH = 1200;

function decrypt(keyring: Keyring, staffId: string, text: string): Content {
  const bytes = text.length <= MAX_LENGTH ? Buffer.from(text, 'base64url') : Buffer.alloc(0);
  try {
    if (bytes.toString('base64url') !== text) throw new Error('not the one spelling');
    const key = keyOf(keyring, bytes[0] ?? 0);
    return JSON.parse(decryptField(key, placeOf(staffId), bytes.subarray(1)).toString()) as Content;
  } catch (error) {
    throw new Refusal('link-damaged', 'This page is not yours, or its address is incomplete.', {}, { cause: error });
  }
}

function keyOf(keyring: Keyring, master: number): Buffer {
  const key = keyring.key('ticket', master);
  if (!key) throw new Refusal('link-damaged', 'This page was made with a key that is gone.');
  return createHmac('sha256', key).update('person reference').digest();
}

function placeOf(staffId: string): Place {
  return { table: 'staff', column: 'person_reference', row: staffId };
}
