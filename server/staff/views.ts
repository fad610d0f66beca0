import type { LivePart } from './live-part.js';
import type { StaffRole } from '../../entities/staff.js';
import type { CampaignState } from '../../entities/campaign.js';
import type { SteerPart } from './plan-views.js';
import type { Word } from '../campaigns/accept-tags.js';
import type { TagSystem } from '../campaigns/becomes.js';
import type { CampaignPart, ChosenPart, PicturesPart, ReleasePart } from './campaign-views.js';
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
  readonly preheader: string;
  readonly pictures: readonly { readonly name: string; readonly isChosen: boolean }[];
  /** null: nothing was uploaded yet. */
  readonly problems: readonly ProblemPart[] | null;
  readonly fileName: string;
}

/** What the tags of another mailing system become. */
export interface TagsScreen extends StaffScreen {
  readonly campaign: CampaignScreen['campaign'];
  readonly tags: readonly TagRow[];
  /** Stands for what is shown. */
  readonly seen: string;
  readonly isRefused: boolean;
  /** Somebody else changed tags or words since they were shown. */
  readonly isChanged: boolean;
  /** What was written by hand and would be replaced. */
  readonly edited: readonly { readonly name: Word }[];
  readonly problems: UploadScreen['problems'];
}

export interface TagRow {
  readonly place: number;
  /** As it stands in the file. */
  readonly tag: string;
  readonly system: TagSystem;
  /** `3, 17`; '': in the subject. */
  readonly lines: string;
  readonly hasName: boolean;
  readonly hasWords: boolean;
  readonly choices: readonly { readonly value: string; readonly isChosen: boolean }[];
  /** Of an attribute. */
  readonly name: string;
  /** A text, or what stands for an attribute that nobody knows. */
  readonly words: string;
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
  /** Per second, rounded; 0: too few, or nothing leaves at all. */
  readonly rate: number;
  /** null: cannot be told. */
  readonly left: { readonly unit: 'seconds' | 'minutes' | 'hours'; readonly count: number } | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Reasons why mails were skipped stand below `skipped`. */
  readonly rows: readonly { readonly name: string; readonly count: number }[];
  readonly reasons: readonly { readonly name: string; readonly count: number }[];
  /** By domain, and what holds it up; null: nothing to tell. */
  readonly live: LivePart | null;
}

export interface CampaignScreen extends StaffScreen {
  readonly campaign: CampaignPart;
  /** For a draft. */
  readonly audience: AudiencePart | null;
  readonly release: ReleasePart;
  /** For a draft: what was chosen elsewhere, or nowhere yet. */
  readonly plan: ChosenPart | null;
  /** Of an archive. */
  readonly pictures: PicturesPart | null;
  /** Once released: the page for everybody. */
  readonly webHref: string | null;
  /** Once released. */
  readonly progress: ProgressPart | null;
  /** It has started, so the preview shows what was sent. */
  readonly isSent: boolean;
  /** Once released. */
  readonly steer: SteerPart | null;
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
  /** Fewer than `reached`, and not told how many (T11). */
  readonly isFew: boolean;
  readonly left: readonly { readonly name: string; readonly count: number; readonly isFew: boolean }[];
  /** In percent; null: nothing to compare. */
  readonly bar: { readonly percent: number; readonly rest: number } | null;
  /** How the list is narrowed; empty: it is not. `label`: of an attribute. */
  readonly says: readonly {
    readonly kind: string;
    readonly label: string;
    readonly text: string;
    readonly at: Date | null;
  }[];
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/login': LoginScreen;
    'admin/first-run': FirstRunScreen;
    'admin/message': MessageScreen;
    'admin/campaigns': CampaignsScreen;
    'admin/upload': UploadScreen;
    'admin/tags': TagsScreen;
    'admin/campaign': CampaignScreen;
  }
}
