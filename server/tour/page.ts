import type { ListFacts, MaskedAddress, OrganisationPage, PageBase, SettingState } from '../web/pages.js';

declare module '../web/pages.js' {
  interface Pages {
    home: HomePage;
    tour: TourPage;
  }
}

/** GET / outside the demo: what this is, and the ways in. */
export interface HomePage extends PageBase {
  readonly preferencesHref: string;
  /** null: the log is not public. */
  readonly logHref: string | null;
  readonly lists: readonly {
    readonly name: string;
    readonly frequency: string;
    readonly sender: string;
    readonly href: string;
  }[];
}

/** GET / of the demo, on this machine. */
export interface TourPage extends OrganisationPage {
  readonly lookAgainHref: string;
  /** The mails stay here: nothing leaves this machine. */
  readonly mailboxHref: string | null;
  /** The list that the story is about. */
  readonly list: ListFacts;
  /** Whose story it is; null before the first sign-up. `masked` is null once the address is forgotten. */
  readonly hero: { readonly masked: MaskedAddress | null } | null;
  /** What to do now: the step's number and id; null when all is done. */
  readonly now: { readonly number: number; readonly id: StepId } | null;
  readonly steps: readonly TourStep[];
}

export type StepId = 'signUp' | 'mail' | 'confirm' | 'receipt' | 'preferences' | 'campaign' | 'footer' | 'leave';

/** `open`: not done, but the story has gone on past it. */
export type StepState = 'done' | 'next' | 'open' | 'later';

/** One step. Words are the last parts of keys: `tour.<id>.title`, `tour.link.<text>`, `tour.note.<note>`, `tour.under.<text>`, `tour.fact.<label>`. */
export interface TourStep {
  readonly id: StepId;
  readonly number: number;
  readonly state: StepState;
  readonly isNext: boolean;
  readonly link: TourLink | null;
  readonly notes: readonly string[];
  /** Files to upload stand here. */
  readonly samples: boolean;
  /** What to type in a terminal instead; null: nothing. */
  readonly command: string | null;
  /** What happened underneath; null while nothing did. */
  readonly under: { readonly open: boolean; readonly text: string; readonly facts: readonly Fact[] } | null;
}

export interface TourLink {
  readonly href: string;
  readonly text: string;
}

/** One line of what happened; exactly one of the values below `name` is given. */
export interface Fact {
  readonly label: string;
  /** Stands in place of the label: the name of a header. */
  readonly name: string | null;
  readonly plain: string | null;
  readonly code: string | null;
  readonly block: string | null;
  /** `tour.words.<words>` */
  readonly words: string | null;
  readonly at: Date | null;
  readonly link: TourLink | null;
  readonly setting: SettingState | null;
}
