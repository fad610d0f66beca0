import type { Bounce } from '../../entities/delivery.js';
import type { Plot } from '../campaigns/plot.js';
import type { Tracking } from '../campaigns/settings.js';
import type { MaskedAddress } from '../web/pages.js';
import type { CampaignPart } from './campaign-views.js';
import type { StaffScreen } from './views.js';

/** A number that leads to the people whom it counts. */
export interface CountLink {
  /** A key below admin.count or admin.result. */
  readonly label: string;
  readonly count: number;
  readonly href: string;
  readonly isShown: boolean;
}

/** One person of a campaign. */
export interface ResultPart {
  /** null: erased. */
  readonly masked: MaskedAddress | null;
  readonly href: string;
  /** A state as `admin.count` names it. */
  readonly outcome: string;
  /** A key below admin: `reason.withdrawn`, `resultReason.refused`; null: nothing to say. */
  readonly reason: string | null;
  readonly at: Date;
  readonly tries: number;
  readonly reply: string | null;
  /** Of somebody who agreed: when they first opened it or followed a link, and how many links. */
  readonly seen: { readonly first: Date; readonly links: number } | null;
  readonly bounce: { readonly what: Bounce; readonly reason: string; readonly at: Date } | null;
}

/** A plot with the table behind it. */
export interface PlotPart {
  readonly id: string;
  /** What it shows, in one sentence. */
  readonly title: { readonly key: string; readonly a: number; readonly b: number; readonly c: number };
  readonly plot: Plot;
  /** Keys below admin.plot: of the two axes, and of the series in the order in which they stand on each other. */
  readonly axes: { readonly up: string; readonly along: string };
  readonly series: readonly { readonly name: string; readonly place: number }[];
  readonly rows: readonly {
    readonly unit: 'hour' | 'day' | 'link';
    readonly place: number;
    readonly text: string;
    readonly values: readonly number[];
  }[];
}

/** What was followed, and by how many of those who agreed to being seen. */
export interface ClicksPart {
  readonly plot: PlotPart | null;
  /** Of those who agreed; null: nobody is asked in this campaign. */
  readonly agreed: { readonly people: number; readonly opened: number; readonly clicked: number } | null;
  readonly machines: number;
}

/** GET /admin/campaigns/:id/results. */
export interface ResultsScreen extends StaffScreen {
  readonly campaign: CampaignPart;
  readonly isDraft: boolean;
  readonly total: number;
  readonly outcomes: readonly CountLink[];
  /** Of the skipped, by reason. */
  readonly reasons: readonly CountLink[];
  /** What came later. */
  readonly later: readonly CountLink[];
  readonly unknown: number;
  readonly plots: readonly PlotPart[];
  readonly clicks: ClicksPart | null;
  /** What is counted; `choices` for a draft. */
  readonly tracking: {
    /** Marks the choice as it was shown. */
    readonly seen: string;
    /** A key below admin.tracking. */
    readonly now: Tracking;
    /** The organisation asks people whether they agree. */
    readonly mayAsk: boolean;
    readonly action: string;
    readonly choices: readonly { readonly name: Tracking; readonly isChosen: boolean }[];
  };
  readonly rows: readonly ResultPart[];
  /** Shown: one person who was searched for. */
  readonly isSearch: boolean;
  readonly isFiltered: boolean;
  readonly allHref: string;
  readonly nextHref: string | null;
  readonly firstHref: string | null;
  readonly searchAction: string;
  readonly email: string;
  readonly wrong: 'address' | 'reason' | null;
  /** The same, for the field. */
  readonly isWrong: { readonly address: boolean; readonly reason: boolean };
  readonly csv: { readonly href: string; readonly action: string; readonly reason: string };
  readonly exports: readonly { readonly by: string; readonly at: Date; readonly reason: string }[];
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/results': ResultsScreen;
  }
}
