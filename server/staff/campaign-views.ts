import type { CampaignActKind } from '../../entities/campaign-act.js';
import type { Finding } from '../campaigns/lint-finding.js';
import type { Tracking } from '../campaigns/settings.js';
import type { ProblemPart } from './refused-view.js';
import type { AudiencePart, StaffScreen } from './views.js';

/** What stands above each page of a campaign. */
export interface CampaignPart {
  readonly href: string;
  /** As a made-up person reads it. */
  readonly subject: string;
  /** Its subject has tags. */
  readonly isPersonal: boolean;
  readonly list: string;
  readonly from: string;
  readonly fileName: string;
  readonly createdAt: Date;
  readonly isDraft: boolean;
  /** Its file can be kept as a template. */
  readonly isKeepable: boolean;
  /** Somebody must look at the tags of another system first. */
  readonly hasOpenTags: boolean;
  readonly hasTags: boolean;
  readonly places: readonly { readonly name: string; readonly href: string; readonly isHere: boolean }[];
}

/** When a draft would start, and what would be counted. */
export interface ChosenPart {
  /** null: as soon as it is released. */
  readonly startsAt: Date | null;
  readonly tracking: Tracking;
  /** Something else can be chosen by whoever looks. */
  readonly canChoose: boolean;
}

/** Where the pictures of a campaign are, and what can be chosen. */
export interface PicturesPart {
  readonly now: 'inlined' | 'hosted';
  readonly count: number;
  readonly bytes: number;
  /** Too heavy to go along. */
  readonly isTooHeavy: boolean;
  /** Of fetched ones: how many go along all the same, since they could run. */
  readonly alongCount: number;
  readonly action: string;
  /** Empty: it is no draft any more. */
  readonly choices: readonly { readonly name: string; readonly isChosen: boolean }[];
}

/** Who may let a campaign go, and who did. */
export interface ReleasePart {
  /** The organisation wants two. */
  readonly isBySecond: boolean;
  readonly request: { readonly by: string; readonly at: Date; readonly isMine: boolean } | null;
  readonly canSend: boolean;
  /** Nobody else could release it. */
  readonly isAlone: boolean;
  /** All that was done with it, oldest first. */
  readonly history: readonly {
    readonly what: CampaignActKind;
    readonly who: 'operator' | 'staff' | 'gone';
    /** The address of the staff member. */
    readonly by: string;
    readonly at: Date;
    readonly note: string | null;
  }[];
}

export interface FindingPart extends Pick<Finding, 'code' | 'sign' | 'detail' | 'count'> {
  /** "3, 8, 12"; '' where no line is to blame. */
  readonly lines: string;
  readonly isOneLine: boolean;
  readonly isGood: boolean;
}

export interface CheckScreen extends StaffScreen {
  readonly campaign: CampaignPart;
  readonly inbox: { readonly from: string; readonly subject: string; readonly preheader: string };
  /** The worst of all signs. */
  readonly verdict: Finding['sign'];
  readonly counts: { readonly stop: number; readonly look: number; readonly good: number };
  /** What asks for something to be done. */
  readonly wrong: readonly FindingPart[];
  readonly good: readonly FindingPart[];
  /** null: nobody has asked. */
  readonly spam: SpamPart | null;
  readonly spamHref: string;
  readonly audience: ReachPart;
  readonly footers: readonly {
    readonly code: string;
    readonly name: string;
    readonly href: string;
    readonly current: boolean;
  }[];
}

export interface SpamPart {
  readonly kind: 'good' | 'look' | 'spam' | 'none' | 'failed';
  readonly program: string;
  /** With one decimal. */
  readonly score: string;
  readonly limit: string;
  readonly rules: readonly { readonly points: string; readonly name: string; readonly words: string }[];
}

/** Who will get it and who will not, as numbers and as bars. */
export interface ReachPart {
  readonly reached: number;
  /** Fewer than `reached`, and not told how many (T11). */
  readonly isFew: boolean;
  readonly all: number;
  readonly rows: readonly {
    /** A reason; '' for those who get it. */
    readonly reason: string;
    readonly count: number;
    readonly isFew: boolean;
    /** Of all, in percent, with a decimal where it is small. */
    readonly share: string;
    /** Of the bar, in hundredths. */
    readonly width: number;
  }[];
}

export interface TextScreen extends StaffScreen {
  readonly campaign: CampaignPart;
  readonly text: string;
  readonly subject: string;
  /** The words beside the subject, with their tags; '': the mail has none of its own. */
  readonly preheader: string;
  readonly inbox: CheckScreen['inbox'];
  /** Marks subject and text as they were shown. */
  readonly seen: string;
  readonly hasFormer: boolean;
  /** A finished message: only its subject can be changed. */
  readonly isFinished: boolean;
  readonly isSaved: boolean;
  /** `field`: what it is about; null: more than one may be meant. */
  readonly problems: readonly (ProblemPart & { readonly field: 'subject' | 'preheader' | null })[] | null;
}

export interface TestScreen extends StaffScreen {
  readonly campaign: CampaignPart;
  readonly people: readonly { readonly id: string; readonly address: string; readonly isMe: boolean }[];
  readonly footers: readonly { readonly code: string; readonly name: string; readonly isChosen: boolean }[];
  /** How many tests met which end; empty: none was just sent. */
  readonly outcomes: readonly { readonly kind: string; readonly count: number }[];
  /** Not all of them left. */
  readonly isFailed: boolean;
  readonly nobody: boolean;
}

/** Asks once, in words that say what will happen. */
export interface SendScreen extends StaffScreen {
  readonly campaign: CampaignPart;
  readonly audience: AudiencePart;
  readonly release: ReleasePart;
  /** By its plan; null: as soon as it is released. */
  readonly startsAt: Date | null;
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/check': CheckScreen;
    'admin/text': TextScreen;
    'admin/test': TestScreen;
    'admin/send': SendScreen;
  }
}
