import type { CampaignState } from '../../entities/campaign.js';
import type { Context } from '../context.js';
import { Refusal } from '../errors.js';

/** What can be done to a campaign that was released. */
export type Steering = 'pause' | 'resume' | 'cancel';

const STEPS: Readonly<Record<Steering, { from: readonly CampaignState[]; to: CampaignState }>> = {
  pause: { from: ['sending'], to: 'paused' },
  resume: { from: ['paused'], to: 'sending' },
  cancel: { from: ['scheduled', 'sending', 'paused'], to: 'cancelled' },
};

/**
 * Pauses, resumes or cancels a campaign. From the answer on no worker takes up another mail of one that stands still; those that hold some put them back
 * within a second, and only what is with the mail server at this moment still arrives. False when it is so already. Throws `not-found` and `campaign-state`.
 * `by`: somebody of the staff; null: the operator, on the command line.
 */
export async function steerCampaign(ctx: Context, id: string, step: Steering, by: string | null): Promise<boolean> {
  const { from, to } = STEPS[step];
  const changed = await ctx.db.query(
    'update campaign set state = $2 where id = $1 and state = any($3::text[]) returning 1',
    [id, to, from],
  );
  if (changed.length === 0) {
    const [campaign] = await ctx.db.query<{ state: CampaignState }>('select state from campaign where id = $1', [id]);
    if (!campaign) throw new Refusal('not-found', 'There is no such campaign.');
    if (campaign.state === to) return false;
    throw new Refusal('campaign-state', `This campaign is ${campaign.state}: there is nothing to ${step}.`);
  }
  // Whoever resumes it has seen why it halted by itself, and tries anew.
  if (step === 'resume')
    await ctx.db.query(
      'update campaign_pace set halts = 0, halted_until = null, is_probing = false where campaign_id = $1',
      [id],
    );
  ctx.logger.info({ campaign: id, step, by }, 'a campaign was steered');
  ctx.bell.ring('campaign');
  ctx.bell.ring('mail');
  return true;
}
