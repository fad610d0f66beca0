import { listIn, type Catalogue, type ListFacts } from '../consent/catalogue.js';
import { evidenceKey, openSignUp } from '../consent/chapter.js';
import type { SealedSignUp } from '../consent/subscribe.js';
import { isOurSubscriber } from '../consent/subscriber.js';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { blindIndex, suppressionHash } from '../keys/blind-index.js';

/** A sign-up that waits for its decision. */
export interface SignUpToDecide {
  id: string;
  list_id: string;
  wording_id: string;
  language: string;
  blind_index: Buffer;
  suppression_hash: Buffer;
  evidence_key: Buffer;
  sealed: Buffer;
  requested_commitment: Buffer;
  /** Its chapter has gone on already. */
  is_decided: boolean;
}

/** Did we write this row, and is it still to be decided? Nobody gets mail by SQL (T6): the row must say what was sealed in it. */
export function isOurSignUp(ctx: Context, known: Catalogue, row: SignUpToDecide): boolean {
  if (row.is_decided) return false;
  try {
    const { normal } = openRow(ctx, row);
    const { id } = listIn(known, row.list_id).organisation;
    return (
      blindIndex(ctx.keyring, id, normal).equals(row.blind_index) &&
      suppressionHash(ctx.keyring, id, normal).equals(row.suppression_hash)
    );
  } catch {
    return false;
  }
}

/** Is somebody who was found by the sign-up's address really at this address? */
export function isOurPerson(
  ctx: Context,
  row: SignUpToDecide,
  list: ListFacts,
  found: { subscriberId: string | null; profileKey: Buffer | null; address: Buffer | null },
): boolean {
  if (!found.subscriberId) return true;
  const { subscriberId: id, profileKey, address } = found;
  const organisationId = list.organisation.id;
  return isOurSubscriber(ctx.keyring, { id, profileKey, address, organisationId, blindIndex: row.blind_index });
}

/** What the sign-up said, opened. Throws when it is not what we wrote. */
export function openRow(ctx: Context, row: SignUpToDecide): SealedSignUp {
  const key = evidenceKey(ctx.keyring, row.id, row.evidence_key);
  return openSignUp(key, { id: row.id, listId: row.list_id, wordingId: row.wording_id, sealed: row.sealed });
}

/** What we did not write gets no mail and no event, and does not stand in the way of the others. */
export async function setAside(ctx: Context, tx: Tx, rows: readonly SignUpToDecide[]): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map((row) => row.id);
  ctx.logger.error({ signUps: ids }, 'sign-ups that we did not write, or had decided, were set aside');
  await tx.query(`update sign_up set outcome = 'forged' where id = any($1::uuid[])`, [ids]);
}
