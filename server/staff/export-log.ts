import { createHmac } from 'node:crypto';
import type { Context } from '../context.js';
import { decryptField, encryptField } from '../keys/field.js';
import { knownKey } from '../keys/keyring.js';
import { noteLook, placeOf, readLooks } from './access-log.js';

/** Somebody of the staff took the addresses of a whole campaign. */
export interface Export {
  readonly staffId: string;
  readonly at: Date;
  readonly reason: string;
}

/** Writes down who takes the addresses of a campaign's people and why, before they are given (C-31). */
export async function noteExport(
  ctx: Context,
  of: { readonly staffId: string; readonly campaignId: string; readonly reason: string },
): Promise<void> {
  const { staffId, campaignId, reason } = of;
  await noteLook(ctx, {
    ...{ staffId, subscriberId: null, what: 'export' },
    sealReason: (number) => encryptField(keyOf(ctx), placeOf(number), JSON.stringify([campaignId, reason])),
  });
}

/** Who took the addresses of a campaign, oldest first. */
export async function exportsOf(ctx: Context, campaignId: string): Promise<Export[]> {
  const rows = await readLooks(ctx, `what = 'export'`);
  return rows.flatMap(({ number, staffId, happenedAt, reason: sealed }) => {
    if (!sealed) return [];
    const [id, reason] = JSON.parse(decryptField(keyOf(ctx), placeOf(number), sealed).toString()) as [string, string];
    return id === campaignId ? [{ staffId, at: happenedAt, reason }] : [];
  });
}

/** Of the installation, not of a person: it stays as long as the log. Under the oldest master, so that rotation keeps it. */
function keyOf({ keyring }: Context): Buffer {
  const master = knownKey(keyring, 'seal', Math.min(...keyring.ids));
  return createHmac('sha256', master).update('reasons of exports').digest();
}
