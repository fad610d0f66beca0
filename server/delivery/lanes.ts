import type { DeliveryKind } from '../../entities/delivery.js';

/** Which mails a lane takes, and how many it may have in flight at most: a part of the window is never a campaign's, so that single mails need not wait. */
export interface Lane {
  readonly kinds: readonly DeliveryKind[];
  readonly window: number;
  /** Claims at least so many: a round trip a mail would cost more than the mail. */
  readonly handful: number;
}

/** Single mails, and those to many, within `window` mails in flight. */
export function makeLanes(window: number): Lane[] {
  return [
    lane(['confirmation', 'transactional', 'notice'], window * 0.6, window * 0.05),
    lane(['campaign', 'gateway'], window * 0.95, window * 0.2),
  ];
}

function lane(kinds: readonly DeliveryKind[], window: number, handful: number): Lane {
  return { kinds, window: Math.max(1, Math.floor(window)), handful: Math.max(1, Math.floor(handful)) };
}
