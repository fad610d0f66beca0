import type { Progress } from '../campaigns/progress.js';
import type { LoadedCampaign } from './campaign.js';
import type { SteerPart } from './plan-views.js';
import type { StaffScreen } from './views.js';

/** What can be done to a campaign that was released, as its page shows it. */
export function steerPart(
  { id, state }: LoadedCampaign,
  { startedAt }: Progress,
  { csrf, staff, language, zone }: StaffScreen,
): SteerPart {
  return {
    ...{ csrf, language, zone, href: `/admin/campaigns/${id}`, isMarketer: staff?.isMarketer ?? false },
    canPause: state === 'sending',
    canResume: state === 'paused',
    canCancel: state === 'scheduled' || state === 'sending' || state === 'paused',
    startsAt: state === 'scheduled' ? startedAt : null,
  };
}
