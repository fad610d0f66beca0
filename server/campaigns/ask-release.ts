import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { hasOpenTags } from './accept-tags.js';
import { actsOf, noteAct, standingRequest } from './acts.js';
import { openDraft } from './draft.js';

/** The longest word that goes with a draft that is given back. */
export const MAX_NOTE = 500;

/** Asks that somebody else releases a draft. It holds for the draft as it is now: a change voids it. Throws `not-found` and `campaign-state`. */
export async function askRelease(ctx: Context, id: string, staffId: string): Promise<void> {
  const draft = await openDraft(ctx, id);
  if (await hasOpenTags(ctx, id))
    throw new Refusal('campaign-state', 'The file has tags of another mailing system. Look first at what they become.');
  await ctx.db.transaction(async (tx) => {
    await holdDraft(tx, id, draft.seal);
    if (standingRequest(await actsOf(ctx, tx, id), draft.seal)) return;
    await noteAct(ctx, tx, id, { what: 'asked', staffId, note: null, draftSeal: draft.seal });
  });
}

/** Gives a draft back to whoever asked, with a word why; whoever asked takes it back the same way. Throws `not-found` and `campaign-state`. */
export async function returnDraft(ctx: Context, id: string, by: { staffId: string; note: string }): Promise<void> {
  const draft = await openDraft(ctx, id);
  const note = by.note.trim().slice(0, MAX_NOTE) || null;
  await ctx.db.transaction(async (tx) => {
    await holdDraft(tx, id, draft.seal);
    if (!standingRequest(await actsOf(ctx, tx, id), draft.seal)) return;
    await noteAct(ctx, tx, id, { what: 'returned', staffId: by.staffId, note, draftSeal: draft.seal });
  });
}

/** Where two are needed: somebody asked for this very draft, and it is another who releases it. Throws `not-allowed`. */
export async function requireSecond(
  ctx: Context,
  tx: Tx,
  { id, seal }: { id: string; seal: Buffer | null },
  staffId: string,
): Promise<void> {
  const request = standingRequest(await actsOf(ctx, tx, id), seal);
  if (!request || request.staffId === staffId)
    throw new Refusal('not-allowed', 'Somebody else must release this campaign.', { why: 'second' });
}

async function holdDraft(tx: Tx, id: string, draftSeal: Buffer | null): Promise<void> {
  const rows = await tx.query(`select from campaign where id = $1 and state = 'draft' and seal = $2 for update`, [
    id,
    draftSeal,
  ]);
  if (rows.length === 0)
    throw new Refusal('campaign-state', 'This campaign was changed at the same moment. Look at it again.');
}
