import type { CampaignActKind } from '../../entities/campaign-act.js';
import type { CampaignState } from '../../entities/campaign.js';
import type { Context } from '../context.js';
import type { Tx } from '../database/connect.js';
import { Refusal } from '../errors.js';
import { noteAct } from './acts.js';

/** What can be done to a campaign that was released. */
export type Steering = 'pause' | 'resume' | 'cancel';

interface Step {
  readonly from: readonly CampaignState[];
  readonly to: CampaignState;
  readonly what: CampaignActKind;
}

const STEPS: Readonly<Record<Steering, Step>> = {
  pause: { from: ['sending'], to: 'paused', what: 'paused' },
  resume: { from: ['paused'], to: 'sending', what: 'resumed' },
  cancel: { from: ['scheduled', 'sending', 'paused'], to: 'cancelled', what: 'cancelled' },
};

/**
 * Pauses, resumes or cancels a campaign. From the answer on no worker takes up another mail of one that stands still; those that hold some put them back
 * within a second, and only what is with the mail server at this moment still arrives. Who did it is written down. False when it is so already. Throws `not-found` and `campaign-state`.
 * `by`: somebody of the staff; null: the operator, on the command line.
 */
export async function steerCampaign(ctx: Context, id: string, step: Steering, by: string | null): Promise<boolean> {
  const { from, to, what } = STEPS[step];
  const isChanged = await ctx.db.transaction(async (tx) => {
    const changed = await tx.query(
      'update campaign set state = $2 where id = $1 and state = any($3::text[]) returning 1',
      [id, to, from],
    );
    if (changed.length === 0) return false;
    if (step === 'resume') await tryAnew(tx, id);
    await noteAct(ctx, tx, id, { what, staffId: by, note: null, draftSeal: null });
    return true;
  });
  if (!isChanged) {
    const [campaign] = await ctx.db.query<{ state: CampaignState }>('select state from campaign where id = $1', [id]);
    if (!campaign) throw new Refusal('not-found', 'There is no such campaign.');
    if (campaign.state === to) return false;
    throw new Refusal('campaign-state', `This campaign is ${campaign.state}: there is nothing to ${step}.`);
  }
  ctx.logger.info({ campaign: id, step, by }, 'a campaign was steered');
  ctx.bell.ring('campaign');
  ctx.bell.ring('mail');
  return true;
}

/** Whoever resumes it has seen why it halted by itself. */
async function tryAnew(tx: Tx, id: string): Promise<void> {
  await tx.query('update campaign_pace set halts = 0, halted_until = null, is_probing = false where campaign_id = $1', [
    id,
  ]);
}
