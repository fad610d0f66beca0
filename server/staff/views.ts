import type { StaffRole } from '../../entities/staff.js';
import type { CampaignState } from '../../entities/campaign.js';
import type { CampaignPart, ReleasePart } from './campaign-views.js';
import type { PageBase } from '../web/pages.js';
import type { ProblemPart } from './refused-view.js';

/** What every staff screen needs. */
export interface StaffScreen extends PageBase {
  /** Back to the tour; null outside the demo. */
  readonly tourHref: string | null;
  /** null before the login. */
  readonly staff: { readonly address: string; readonly role: StaffRole; readonly isMarketer: boolean } | null;
  /** The hidden field of every form; '' before the login. */
  readonly csrf: string;
  /** Which word of the navigation this is. */
  readonly here: {
    readonly campaigns: boolean;
    readonly people: boolean;
    readonly upload: boolean;
    readonly preview: boolean;
    readonly gateway: boolean;
    readonly sending: boolean;
    readonly templates: boolean;
  };
}

export interface LoginScreen extends StaffScreen {
  /** Nobody has a login yet. */
  readonly isFirst: boolean;
  readonly email: string;
  readonly wrong: boolean;
  /** Where to after the login; a path below /admin. */
  readonly next: string;
}

export interface FirstRunScreen extends StaffScreen {
  readonly action: string;
  readonly email: string;
  readonly errors: { readonly email: boolean; readonly password: boolean } | null;
  readonly shortest: number;
}

/** One thing that happened, and where to go. */
export interface MessageScreen extends StaffScreen {
  readonly kind:
    | 'first-run-over'
    | 'first-run-expired'
    | 'first-run-damaged'
    | 'not-allowed'
    | 'campaign-state'
    | 'not-found'
    | 'look-ended'
    | 'no-receipt'
    | 'forged'
    | 'second'
    | 'too-many';
  readonly href: string;
}

export interface CampaignRow {
  readonly href: string;
  readonly subject: string;
  readonly list: string;
  readonly state: CampaignState;
  readonly at: Date;
  readonly queued: number;
  readonly sent: number;
  readonly failed: number;
  readonly skipped: number;
  /** Somebody asked for its release. */
  readonly isAsked: boolean;
}

export interface CampaignsScreen extends StaffScreen {
  readonly count: number;
  readonly campaigns: readonly CampaignRow[];
  readonly newerHref: string | null;
  readonly olderHref: string | null;
}

export interface UploadScreen extends StaffScreen {
  readonly lists: readonly { readonly slug: string; readonly name: string; readonly isChosen: boolean }[];
  readonly subject: string;
  /** null: nothing was uploaded yet. */
  readonly problems: readonly ProblemPart[] | null;
  readonly fileName: string;
}

/** Numbers that move by themselves; the partial `admin-progress` shows them. */
export interface ProgressPart extends Pick<PageBase, 'language' | 'zone'> {
  readonly state: CampaignState;
  readonly isCounting: boolean;
  /** Not over: the numbers can still change. */
  readonly isMoving: boolean;
  /** Mails wait for their first answer. */
  readonly isBusy: boolean;
  readonly queued: number;
  readonly answered: number;
  readonly percent: number;
  /** Per second, rounded. */
  readonly rate: number;
  /** null: cannot be told. */
  readonly left: { readonly unit: 'seconds' | 'minutes' | 'hours'; readonly count: number } | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Reasons why mails were skipped stand below `skipped`. */
  readonly rows: readonly { readonly name: string; readonly count: number }[];
  readonly reasons: readonly { readonly name: string; readonly count: number }[];
}

export interface CampaignScreen extends StaffScreen {
  readonly campaign: CampaignPart;
  /** For a draft. */
  readonly audience: AudiencePart | null;
  readonly release: ReleasePart;
  /** Once released: the page for everybody. */
  readonly webHref: string | null;
  /** Once released. */
  readonly progress: ProgressPart | null;
  /** What became of a test; null: none was just sent. */
  readonly test: { readonly kind: 'sent' | 'deferred' | 'refused' | 'unknown'; readonly to: string } | null;
  readonly preview: PreviewPart;
}

/** A made-up person's copy, and the ways to look at it. */
export interface PreviewPart {
  readonly src: string;
  readonly text: string;
  readonly htmlBytes: number;
  readonly textBytes: number;
  /** Gmail hides what lies beyond about 102 kB (F-20). */
  readonly isClipped: boolean;
  readonly languages: readonly (Choice & { readonly code: string })[];
  readonly themes: readonly Choice[];
  readonly people: readonly Choice[];
  readonly images: { readonly isShown: boolean; readonly href: string };
  readonly isDark: boolean;
  /** To whom the made-up copy goes. */
  readonly to: string;
}

export interface Choice {
  readonly name: string;
  readonly href: string;
  readonly current: boolean;
}

export interface AudiencePart {
  readonly reached: number;
  readonly left: readonly { readonly name: string; readonly count: number }[];
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/login': LoginScreen;
    'admin/first-run': FirstRunScreen;
    'admin/message': MessageScreen;
    'admin/campaigns': CampaignsScreen;
    'admin/upload': UploadScreen;
    'admin/campaign': CampaignScreen;
  }
}
