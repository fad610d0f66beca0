import type { DeliveryKind } from '../../entities/delivery.js';
import type { Context } from '../context.js';
import type { Claimed } from './claim.js';
import { makeSettler, type Settler } from './settler.js';

/** Which mails a lane takes, and how many it may have in flight at most: a part of the window is never a campaign's, so that single mails need not wait. */
export interface Lane {
  readonly kinds: readonly DeliveryKind[];
  readonly window: number;
  /** Claims at least so many: a round trip a mail would cost more than the mail. */
  readonly handful: number;
  /** Claimed, and not settled yet. */
  readonly held: Set<Claimed>;
  /** Room that a claim which is under way may fill. */
  claiming: number;
  readonly settler: Settler;
}

/** The lanes of one sender, within its window. */
export interface Lanes {
  readonly all: readonly Lane[];
  readonly inFlight: number;
  /** How many more mails a lane may have in flight. */
  freeIn(lane: Lane): number;
  /** What a claim may take: it frees the room of those whose outcome it writes. */
  roomIn(lane: Lane): number;
}

/** Single mails, and those to many. `onRoom`: there may be room in one of them. */
export function makeLanes(ctx: Context, worker: string, onRoom: () => void): Lanes {
  const window = ctx.config.sendWindow;
  const make = (kinds: readonly DeliveryKind[], most: number, handful: number): Lane => {
    const lane: Lane = {
      ...{ kinds, window: Math.max(1, Math.floor(most)), handful: Math.max(1, Math.floor(handful)) },
      ...{ held: new Set<Claimed>(), claiming: 0 },
      settler: makeSettler(ctx, worker, {
        onWaiting: () => {
          if (lanes.roomIn(lane) >= lane.handful) onRoom();
        },
        onSettled: onRoom,
      }),
    };
    return lane;
  };
  const all = [
    make(['confirmation', 'transactional', 'notice'], window * 0.6, window * 0.05),
    make(['campaign', 'gateway'], window * 0.95, window * 0.3),
  ];
  const lanes: Lanes = {
    all,
    get inFlight() {
      return all.reduce((sum, { held, claiming }) => sum + held.size + claiming, 0);
    },
    freeIn: (lane) => Math.min(lane.window - lane.held.size, window - lanes.inFlight),
    roomIn: (lane) => lanes.freeIn(lane) + lane.settler.waiting,
  };
  return lanes;
}
