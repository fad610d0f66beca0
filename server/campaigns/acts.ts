import type { CampaignAct } from '../../entities/campaign-act.js';
import type { Acting } from '../context.js';
import type { Queryable, Tx } from '../database/connect.js';
import { isSealed, seal } from '../keys/seal.js';

/** Something that staff did with a campaign on its way out; `staffId` null: the command line. */
export type Act = Pick<CampaignAct, 'what' | 'staffId' | 'note' | 'draftSeal' | 'happenedAt'>;

type Row = Act & Pick<CampaignAct, 'campaignId' | 'number' | 'seal'>;

/** What was done with a campaign, oldest first; rows that we did not write are left out (T6). */
export async function actsOf(ctx: Pick<Acting, 'keyring'>, on: Queryable, campaignId: string): Promise<Act[]> {
  const rows = await on.query<Row>(
    `select campaign_id as "campaignId", number, what, staff_id as "staffId", note, draft_seal as "draftSeal", happened_at as "happenedAt", seal
     from campaign_act where campaign_id = $1 order by number`,
    [campaignId],
  );
  return rows.filter((row) => isSealed(ctx.keyring, 'campaign-act', sealedParts(row), row.seal));
}

/** Writes an act down; the caller holds the campaign's row, so that numbers have no gaps. */
export async function noteAct(ctx: Acting, tx: Tx, campaignId: string, act: Omit<Act, 'happenedAt'>): Promise<void> {
  const [next] = await tx.query<{ number: number }>(
    'select coalesce(max(number), 0) + 1 as number from campaign_act where campaign_id = $1',
    [campaignId],
  );
  const row = { ...act, campaignId, number: next?.number ?? 1, happenedAt: ctx.now() };
  await tx.query(
    `insert into campaign_act (campaign_id, number, what, staff_id, note, draft_seal, happened_at, seal) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      ...[campaignId, row.number, row.what, row.staffId, row.note, row.draftSeal, row.happenedAt],
      seal(ctx.keyring, 'campaign-act', sealedParts(row)),
    ],
  );
}

/** The request for release that stands: the last act, and of the very draft that there is now. */
export function standingRequest(acts: readonly Act[], draftSeal: Buffer | null): (Act & { staffId: string }) | null {
  const last = acts.at(-1);
  if (last?.what !== 'asked' || last.staffId === null || !draftSeal) return null;
  return last.draftSeal?.equals(draftSeal) ? { ...last, staffId: last.staffId } : null;
}

function sealedParts(row: Omit<Row, 'seal'>): (string | number | Buffer | Date | null)[] {
  return [row.campaignId, row.number, row.what, row.staffId, row.note, row.draftSeal, row.happenedAt];
}
