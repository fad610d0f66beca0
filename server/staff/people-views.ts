import type { Bounce } from '../../entities/delivery.js';
import type { EventCheck } from '../ledger/check-event.js';
import type { BounceReason } from '../mail/bounce-words.js';
import type { MaskedAddress } from '../web/pages.js';
import type { StaffScreen } from './views.js';

/** GET /admin/people: two ways to find somebody. */
export interface PeopleScreen extends StaffScreen {
  /** Empty where there is only one: nothing to choose. */
  readonly organisations: readonly { readonly id: string; readonly name: string; readonly isChosen: boolean }[];
  /** As typed. */
  readonly email: string;
  readonly wrong: 'address' | 'no-mail' | 'too-large' | null;
  /** What a mail said; null: none was given. `foreign`: no link of ours is in it. `nobody`: a test's, or of somebody erased. */
  readonly mail: 'foreign' | 'nobody' | 'several' | null;
  readonly several: readonly { readonly masked: MaskedAddress | null; readonly href: string }[];
}

/** GET /admin/people/new: a sign-up by phone or on paper. */
export interface EnterScreen extends StaffScreen {
  readonly wordings: readonly {
    readonly id: string;
    readonly list: string;
    /** In its own language. */
    readonly language: string;
    readonly code: string;
    readonly text: string;
    readonly isChosen: boolean;
  }[];
  readonly email: string;
  readonly how: { readonly phone: boolean; readonly paper: boolean };
  readonly day: string;
  readonly time: string;
  readonly note: string;
  readonly lastDay: string;
  readonly errors: readonly { readonly field: EnterField; readonly what: string }[];
  readonly wrong: Readonly<Record<EnterField, string>>;
}

export type EnterField = 'email' | 'wording' | 'how' | 'day' | 'time' | 'note' | 'scan';

/** A moment, or a day where only that is known. */
export interface Moment {
  readonly at: Date;
  readonly isDay: boolean;
}

export interface StoryRow {
  readonly at: Date;
  /** A key below admin.act. */
  readonly act: string;
  /** A key below admin.how; null: nothing to say. */
  readonly how: string | null;
  readonly host: string;
  readonly said: Moment | null;
  /** A key below admin.by; null: not known any more. */
  readonly by: string | null;
  readonly staff: string;
  readonly mail: {
    readonly state: string;
    /** A key below admin.reason. */
    readonly reason: string | null;
    readonly reply: string | null;
    readonly takenBy: string | null;
    readonly at: Date | null;
  } | null;
  readonly leaf: number | null;
  readonly check: EventCheck;
}

export interface StoryPart {
  readonly rows: readonly StoryRow[];
  /** Names the table for those who hear it. */
  readonly label: string;
}

export interface ListPart extends StoryPart {
  readonly name: string;
  /** A key below admin.consent. */
  readonly state: string;
  readonly since: Date;
  /** A key below admin.basis. */
  readonly basis: string;
  readonly confirmedAt: Date | null;
  /** A key below admin.reason; null: it may be mailed now. */
  readonly unmailable: string | null;
  readonly pausedUntil: Date | null;
  /** A key below admin.frequency. */
  readonly frequency: string;
  readonly mails: { readonly count: number; readonly last: Date | null };
  /** There are some, for whoever sees the address. */
  readonly receiptsMasked: boolean;
  readonly receipts: readonly {
    readonly number: string;
    /** A key below admin.receipt. */
    readonly claim: 'consent' | 'withdrawal';
    readonly at: Date;
    readonly readHref: string;
    /** null: this login may not. */
    readonly downloadHref: string | null;
  }[];
}

/** A mail that came back, or was called spam. */
export interface BouncePart {
  readonly what: Bounce;
  /** One that has a text. */
  readonly reason: BounceReason | 'complaint';
  /** The status or the server's answer. */
  readonly reply: string | null;
  readonly at: Date;
}

/** GET /admin/people/:ref. */
export interface PersonScreen extends StaffScreen {
  /** Of somebody found by address, or shown for a reason. */
  readonly address: string | null;
  /** null: erased. */
  readonly masked: MaskedAddress | null;
  readonly organisationName: string;
  readonly kind: 'known' | 'unknown' | 'waiting' | 'erased' | 'kept' | 'forged';
  readonly person: {
    readonly since: Date;
    readonly speaks: string;
    readonly restrictedAt: Date | null;
    readonly erasedAt: Date | null;
    readonly proofUntil: Date | null;
  } | null;
  readonly suppressions: readonly { readonly reason: string; readonly at: Date; readonly until: Date | null }[];
  /** Mails that came back, newest first. */
  readonly bounces: readonly BouncePart[];
  readonly lists: readonly ListPart[];
  readonly loose: StoryPart | null;
  readonly looks: {
    readonly count: number;
    readonly unmasked: number;
    readonly corrected: number;
    readonly last: { readonly by: string; readonly at: Date } | null;
    readonly forged: number;
  } | null;
  /** What is known beside the address, by its label; masked. */
  readonly known: readonly string[];
  /** Something was just corrected. */
  readonly isCorrected: boolean;
  /** null: this login may not, or the organisation asks for nothing. */
  readonly correct: {
    readonly action: string;
    readonly fields: readonly { readonly value: string; readonly label: string; readonly isChosen: boolean }[];
    readonly value: string;
    readonly reason: string;
    readonly isValueWrong: boolean;
    readonly isReasonWrong: boolean;
  } | null;
  /** A sign-up was just noted. */
  readonly noted: boolean;
  /** null: this login may not, or there is nothing. */
  readonly unmask: {
    readonly action: string;
    readonly fields: readonly {
      readonly value: string;
      readonly name: string;
      /** Of an attribute; '' else. */
      readonly label: string;
      /** null: of the person rather than of an event. */
      readonly act: string | null;
      readonly at: Date | null;
      readonly isChosen: boolean;
    }[];
    readonly reason: string;
    readonly wrong: 'reason' | 'field' | 'limit' | null;
    readonly most: number;
  } | null;
  /** What was just unmasked. */
  readonly shown: { readonly name: string; readonly label: string; readonly value: string } | null;
  readonly searchHref: string;
  readonly enterHref: string | null;
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/people': PeopleScreen;
    'admin/person': PersonScreen;
    'admin/enter': EnterScreen;
  }
}
