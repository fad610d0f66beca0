import type { Outage } from '../delivery/outage.js';
import type { StaffScreen } from './views.js';

/** GET /admin/sending. */
export interface SendingScreen extends StaffScreen {
  /** Owners add, check and remove domains. */
  readonly mayChange: boolean;
  /** No server takes our mail; null: one does. */
  readonly outage: Outage | null;
  /** For how long a mail waits then, where nothing else was chosen. */
  readonly hours: number;
  /** Mails that servers refused for our own fault; null: none lately. Names are keys below admin.bounce. */
  readonly refused: {
    readonly hours: number;
    readonly count: number;
    /** No later mail was taken since. */
    readonly isOpen: boolean;
    readonly reasons: readonly { readonly name: string; readonly count: number }[];
  } | null;
  /** The DNS was asked just now. */
  readonly isChecked: boolean;
  /** A key below admin.domain.wrong, and the field that it is about. */
  readonly wrong: { readonly what: 'domain'; readonly field: string } | null;
  readonly organisations: readonly {
    readonly slug: string;
    readonly name: string;
    readonly from: string;
    readonly domains: readonly SendingDomainPart[];
    readonly typed: string;
    readonly wrong: 'domain' | null;
  }[];
}

export interface SendingDomainPart {
  readonly domain: string;
  readonly isVerified: boolean;
  readonly isFurther: boolean;
  readonly removeHref: string;
  /** For the DNS. */
  readonly records: readonly { readonly name: string; readonly text: string }[];
}

/** Asks once, in words that say what will happen. */
export interface DomainRemoveScreen extends StaffScreen {
  readonly domain: string;
  readonly slug: string;
  readonly organisationName: string;
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/sending': SendingScreen;
    'admin/domain-remove': DomainRemoveScreen;
  }
}
