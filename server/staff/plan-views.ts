import type { CampaignScreen, StaffScreen } from './views.js';

/** A field of the plan that is wrong, and how. */
export interface PlanMistake {
  readonly field: 'at' | 'perSecond' | 'warmUp' | 'tryForHours';
  readonly what: 'at' | 'skipped' | 'past' | 'unused' | 'perSecond' | 'warmUp' | 'tryForHours';
  /** Of a time that the clocks skip: what comes instead, such as 03:30. */
  readonly at?: string;
}

/** What can be done to a campaign that was released, and why it may stand still. */
export interface SteerPart {
  readonly href: string;
  readonly csrf: string;
  readonly zone: string;
  readonly language: string;
  readonly isMarketer: boolean;
  readonly canPause: boolean;
  readonly canResume: boolean;
  readonly canCancel: boolean;
  /** It waits for its time; null: it does not. */
  readonly startsAt: Date | null;
}

export interface PlanScreen extends StaffScreen {
  readonly campaign: CampaignScreen['campaign'];
  readonly errors: readonly PlanMistake[];
  readonly wrong: Partial<Record<PlanMistake['field'], PlanMistake>>;
  /** Marks the plan as it was shown. */
  readonly seen: string;
  readonly isSaved: boolean;
  /** Only drafts can be changed. */
  readonly canChange: boolean;
  readonly isAt: boolean;
  /** As the field holds it: 2026-12-01T09:00. */
  readonly at: string;
  /** As it held it before anybody typed. */
  readonly shown: string;
  /** The moment itself; null: at once. */
  readonly startsAt: Date | null;
  /** The clocks show this time twice. */
  readonly isTwice: boolean;
  readonly perSecond: string;
  readonly warmUp: string;
  readonly tryForHours: string;
  readonly usualHours: number;
  readonly isLeave: boolean;
  readonly days: readonly { readonly day: number; readonly count: number }[];
  readonly people: number;
}

/** Asks once, in words that say what will happen. */
export interface CancelScreen extends StaffScreen {
  readonly campaign: CampaignScreen['campaign'];
  readonly answered: number;
  readonly waiting: number;
  /** It waits for its time: nothing has left. */
  readonly isWaiting: boolean;
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/plan': PlanScreen;
    'admin/cancel': CancelScreen;
  }
}
