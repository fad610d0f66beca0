/**
 * What each page needs, as plain data. Dates stay `Date`: the templates write them with `language` and `zone`.
 * Other areas add their own views: `declare module '../web/pages.js' { interface Pages { 'admin/home': HomeScreen } }`.
 */
export interface Pages {
  list: ListPage;
  'check-mail': CheckMailPage;
  confirm: ConfirmPage;
  'not-me': NotMePage;
  'not-me-done': NotMeDonePage;
  confirmed: ConfirmedPage;
  preferences: PreferencesPage;
  'preferences-saved': PreferencesSavedPage;
  'preferences-all': PreferencesAllPage;
  magic: MagicPage;
  'magic-ask': MagicAskPage;
  'magic-sent': MagicSentPage;
  unsubscribe: UnsubscribePage;
  unsubscribed: UnsubscribedPage;
  'stopped-all': StoppedAllPage;
  erase: ErasePage;
  erased: ErasedPage;
  privacy: PrivacyPage;
  error: ErrorPage;
  receipt: ReceiptPage;
  log: LogPage;
  /** GET /k/:token of the link that only programs follow. */
  'for-programs': PageBase;
}

export type View = keyof Pages;

/** On every page. */
export interface PageBase {
  readonly language: string;
  /** IANA name, such as Europe/Warsaw. */
  readonly zone: string;
  /** The language switch; empty: none is shown. See `languageLinks`. */
  readonly languages: readonly LanguageLink[];
  /** Whose page this is; null where nobody can be named (a damaged link). */
  readonly organisation: OrganisationFoot | null;
}

export interface LanguageLink {
  readonly code: string;
  /** In its own language. */
  readonly name: string;
  readonly href: string;
  readonly current: boolean;
}

/** The foot of every page: the name, the notice and the contact, always in this order (WCAG 3.2.6). */
export interface OrganisationFoot {
  readonly name: string;
  /** /privacy/:organisation */
  readonly noticeHref: string;
  /** A mail address for questions. */
  readonly contact: string;
}

/** For an organisation's page: the list is named in title and text. */
export interface OrganisationPage extends PageBase {
  readonly organisation: OrganisationFoot;
}

export interface ListName {
  readonly name: string;
}

export interface ListFacts extends ListName {
  /** In the middle of a sentence: "about once a week". */
  readonly frequency: string;
}

/** An address as copy.md rule 5 shows it: `a…@gmail.com`, or `a…@s….pl` where the domain could name the person. */
export interface MaskedAddress {
  readonly seen: string;
  /** The first letter. */
  readonly spokenStart: string;
  /** "gmail.com", or "s….pl": then the helper says "at a domain that starts with s and ends in .pl". */
  readonly spokenDomain: string;
}

/** A place of a page that is filled for each reader: a hole (mail/hole.ts). */
export interface Place {
  readonly place: string;
}

/** A button that takes back what was just done, for the same browser. Posts `undo`. */
export interface Undo {
  readonly action: string;
  /** The signed value of the hidden field. */
  readonly value: string;
  readonly until: Date;
}

/** The sign-up form: posts `email`, `consent` (the wording's id), `tracking` (as `consent`, and never needed), `ticket`, and `website`, which only robots fill in. */
export interface SignUpForm {
  readonly action: string;
  readonly ticket: string;
  readonly wording: { readonly id: string; readonly text: string };
  /** As typed; '' at first. */
  readonly address: string;
  /** Only ever true when the person had ticked it and something else was wrong. */
  readonly ticked: boolean;
  /** Boxes that may stay empty: then all of them. */
  readonly topics: readonly { readonly field: string; readonly name: string; readonly isTicked: boolean }[];
  /** Fields that may stay empty. */
  readonly attributes: readonly { readonly name: string; readonly label: string; readonly value: string }[];
  /** A box of its own for what may be agreed to beside the list; null: nothing. Ticked only as `ticked` is. */
  readonly tracking: { readonly id: string; readonly text: string; readonly isTicked: boolean } | null;
  /** null: nothing is wrong. Else what is (422). `ticket`: the form was open too long or came too fast. */
  readonly errors: { readonly address: boolean; readonly consent: boolean; readonly ticket: boolean } | null;
}

/** GET /lists/:slug, and 422 after a mistake. */
export interface ListPage extends OrganisationPage {
  readonly list: ListFacts & {
    /** What the mails are about, a short sentence. */
    readonly about: string;
    /** For how long, a short sentence; null: until one unsubscribes. */
    readonly duration: string | null;
    /** With whom the address is shared; null: with nobody. */
    readonly sharedWith: string | null;
  };
  /** null: nobody can join at the moment. */
  readonly form: SignUpForm | null;
}

/** The answer to a sign-up, the same for every state of the address (L-11). */
export interface CheckMailPage extends OrganisationPage {
  readonly list: ListName;
  /** As typed; the template escapes it. */
  readonly address: string;
  /** What else was agreed to, by a box of its own: a second mail asks for it; null: nothing. */
  readonly beside: ListName | null;
  readonly fromAddress: string;
  readonly expiresAt: Date;
  /** Back to the form, to correct the address. */
  readonly correctHref: string;
  /** The demo's mailbox; null elsewhere. */
  readonly mailboxHref: string | null;
}

/** Where a sign-up came from. */
export type Origin = { readonly kind: 'form'; readonly host: string } | { readonly kind: 'phone' | 'paper' };

/** GET /c/:token. Posts `nonce`, and `leave-out` (refs) when there are several lists. */
export interface ConfirmPage extends OrganisationPage {
  /** The name for title and facts; of several lists, their names joined with commas. */
  readonly list: ListFacts;
  /** No list but what people agree to beside it: that openings and clicks are seen. */
  readonly isTracking: boolean;
  readonly masked: MaskedAddress | Place;
  readonly requestedAt: Date | Place;
  readonly origin: Origin;
  /** The exact text agreed to. */
  readonly wordings: readonly string[];
  /** Empty for one list; else all of them: each can be left out. */
  readonly choices: readonly { readonly ref: string; readonly name: string }[];
  readonly action: string;
  readonly nonce: string;
  readonly notMeHref: string;
}

/** GET /n/:token. */
export interface NotMePage extends OrganisationPage {
  readonly list: ListName;
  readonly masked: MaskedAddress;
  /** For so long nobody can trigger another confirmation mail. */
  readonly days: number;
  readonly action: string;
}

export interface NotMeDonePage extends OrganisationPage {
  readonly list: ListName;
  readonly masked: MaskedAddress;
  readonly days: number;
}

/** A receipt that can be fetched with these links (30 minutes, T9). */
export interface ReceiptLinks {
  readonly readHref: string;
  readonly downloadHref: string;
  /** null: not known before it is fetched. */
  readonly bytes: number | null;
}

/** POST /c/:token, also after a second press. */
export interface ConfirmedPage extends OrganisationPage {
  readonly list: ListFacts;
  /** As on the page before. */
  readonly isTracking: boolean;
  readonly masked: MaskedAddress;
  readonly confirmedAt: Date;
  /** null: it is being prepared (no links either). */
  readonly receiptNumber: string | null;
  /** null: prepared, or this is a replay, which mints no links. */
  readonly receipt: ReceiptLinks | null;
  readonly settingsHref: string;
}

/** What a subscriber gets from a list. `none`: nothing, and never did, or all is forgotten. */
export type SettingState =
  | { readonly kind: 'active' | 'weekly' | 'monthly' | 'left' | 'none' }
  | { readonly kind: 'paused'; readonly until: Date };

/**
 * The choices of one list: posts `choice` (keep, every, weekly, monthly, pause, leave), `until` (YYYY-MM-DD, with pause),
 * and `stop-tracking` (yes). A footer link offers only what reduces (L-08).
 */
export interface ListChoices {
  /** Makes the ids of the page unique; 'list' where there is one. */
  readonly ref: string;
  readonly list: ListFacts;
  readonly state: SettingState;
  readonly offer: {
    readonly every: boolean;
    readonly weekly: boolean;
    readonly monthly: boolean;
    readonly pause: boolean;
  };
  /** The pause date: as typed or '', and the first and last day that can be chosen (YYYY-MM-DD). */
  readonly pause: { readonly value: string; readonly first: string; readonly last: string; readonly wrong: boolean };
  /** Posts `topics` (shown) and, for each that is ticked, `topic-SLUG` (yes); empty: there is nothing to choose. */
  readonly topics: readonly { readonly slug: string; readonly name: string; readonly isChosen: boolean }[];
  /** Only fewer: more needs a link by mail. */
  readonly topicsReduce: boolean;
  /** None was ticked. */
  readonly topicsWrong: boolean;
  /** True when opens and clicks are measured with consent. */
  readonly tracked: boolean;
}

/** GET /p/:token: one list, only less. */
export interface PreferencesPage extends OrganisationPage {
  readonly masked: MaskedAddress;
  readonly list: ListName;
  /** null: no mail of this list is sent to this address; nothing to choose. */
  readonly choices: ListChoices | null;
  readonly action: string;
  readonly stopAllAction: string;
  readonly magicAction: string;
}

export interface PreferencesSavedPage extends OrganisationPage {
  readonly list: ListFacts;
  readonly state: SettingState;
  /** In words; '' for all. */
  readonly topics: string;
  readonly trackingStopped: boolean;
  readonly undo: Undo | null;
  readonly settingsHref: string;
}

/** GET in a magic session: everything of one organisation. Every form posts `nonce`. */
export interface PreferencesAllPage extends OrganisationPage {
  /** Whole: the session came from the mailbox. */
  readonly address: string;
  readonly nonce: string;
  /** What was just saved; null on a plain visit. */
  readonly saved: { readonly list: ListFacts; readonly state: SettingState } | null;
  readonly joined: readonly (ListChoices & { readonly action: string })[];
  /** Lists that can be joined: posts `consent` (the wording's id), data-act="join". */
  readonly open: readonly {
    readonly ref: string;
    readonly list: ListFacts;
    readonly wording: { readonly id: string; readonly text: string };
    readonly action: string;
    /** The box was not ticked. */
    readonly wrong: boolean;
  }[];
  /** What is known beside the address: posts a field for each (data-act="about"); null: nothing is asked for. */
  readonly about: {
    readonly action: string;
    readonly fields: readonly { readonly name: string; readonly label: string; readonly value: string }[];
  } | null;
  readonly receipts: readonly (ReceiptLinks & {
    readonly number: string;
    readonly list: ListName;
    readonly confirmedAt: Date;
    /** By an answer to the mail, not by the button. */
    readonly byReply: boolean;
    /** The consent ended then: the receipt proves that. */
    readonly withdrawnAt: Date | null;
  })[];
  readonly stopAllAction: string;
  readonly signOutAction: string;
  /** Rights; null where that page does not exist. */
  readonly dataHref: string | null;
  readonly addressHref: string | null;
  readonly eraseHref: string | null;
  /** The session ends then. */
  readonly until: Date;
}

/** GET /m/:token: only a button; its POST opens the session. */
export interface MagicPage extends OrganisationPage {
  readonly action: string;
}

/** GET /preferences, and 422. Posts `email`, `ticket`, and `website`, which only robots fill in. */
export interface MagicAskPage extends PageBase {
  readonly action: string;
  readonly ticket: string;
  readonly address: string;
  readonly wrong: boolean;
}

/** The same for every state of the address (L-11). */
export interface MagicSentPage extends PageBase {
  /** As typed; null when the link came from a mail and nothing was typed. */
  readonly address: string | null;
  readonly fromAddress: string;
  readonly minutes: number;
  /** Back, to correct the address; null where nothing was typed. */
  readonly correctHref: string | null;
  readonly mailboxHref: string | null;
}

/** GET /u/:token. */
export interface UnsubscribePage extends OrganisationPage {
  readonly list: ListName;
  readonly masked: MaskedAddress;
  readonly action: string;
  readonly preferencesHref: string;
}

/** POST /u/:token, also one-click. */
export interface UnsubscribedPage extends OrganisationPage {
  readonly list: ListName;
  /** null: erased or never joined; the neutral page. */
  readonly left: { readonly masked: MaskedAddress; readonly since: Date } | null;
  readonly undo: Undo | null;
  readonly stopAllAction: string;
}

/** After "stop all": the same whatever was subscribed (T8). */
export interface StoppedAllPage extends OrganisationPage {
  readonly masked: MaskedAddress;
  readonly since: Date;
  readonly undo: Undo | null;
}

/** What an erasure does not destroy at once. */
export interface KeptPart {
  /** Proof of consents that were used, each until the end of its day. */
  readonly proofs: readonly { readonly list: ListName; readonly until: Date }[];
  /** A keyed hash of the address stands, so that nothing is sent to it. */
  readonly suppressed: boolean;
}

/** GET /settings/erase: what goes, what stays and until when, one button. */
export interface ErasePage extends OrganisationPage, KeptPart {
  readonly address: string;
  readonly action: string;
  readonly nonce: string;
  readonly backHref: string;
}

/** After an erasure: nothing on it names the person any more. */
export interface ErasedPage extends OrganisationPage, KeptPart {
  readonly since: Date;
}

/** GET /privacy/:organisation: the notice (Art. 13 and 14 GDPR). */
export interface PrivacyPage extends OrganisationPage {
  readonly controller: {
    readonly legalName: string;
    readonly postalAddress: string;
    readonly contact: string;
    /** The data protection officer's contact. */
    readonly officer: string | null;
  };
  readonly purposes: readonly {
    readonly name: string;
    readonly about: string;
    readonly basis: string;
    readonly retention: string;
  }[];
  /** One a line: who, for what, where. Empty: none. */
  readonly recipients: readonly string[];
  /** Where data lies, and where outside the European Economic Area it goes, with which safeguards. Empty: not told, nowhere. */
  readonly storage: readonly string[];
  readonly transfers: readonly string[];
  /** For so long an unconfirmed request is kept, and proof after the end. */
  readonly unconfirmedDays: number;
  readonly proofYears: number;
  readonly authority: { readonly name: string; readonly href: string | null };
  /** The organisation's own sections, after ours. */
  readonly sections: readonly { readonly heading: string; readonly paragraphs: readonly string[] }[];
  readonly version: string;
  readonly validFrom: Date;
}

export type ErrorKind =
  | 'link-expired'
  | 'link-gone'
  | 'session-ended'
  | 'link-damaged'
  | 'not-now'
  | 'too-many'
  | 'not-found'
  | 'method-not-allowed'
  | 'body-too-large'
  | 'body-invalid'
  | 'ticket-invalid'
  | 'not-allowed'
  | 'broken';

/** Everything that goes wrong: what happened, that nothing was changed, what to do. `errorPage` fills in what a kind does not need. */
export interface ErrorPage extends PageBase {
  readonly kind: ErrorKind;
  /** link-expired: the list and until when the link worked (both needed), and a form to join again. */
  readonly list: ListName | null;
  readonly workedUntil: Date | null;
  readonly form: SignUpForm | null;
  /** link-damaged: a field that asks for a link by mail. */
  readonly magic: { readonly action: string; readonly ticket: string } | null;
  /** not-now, too-many: when to come back (needed). */
  readonly retryAt: Date | null;
  /** not-now: the same press again. */
  readonly retry: {
    readonly action: string;
    readonly fields: readonly { readonly name: string; readonly value: string }[];
  } | null;
}

/** An error page of which only some parts are given. */
export function errorPage(base: PageBase, kind: ErrorKind, parts: Partial<ErrorPage> = {}): ErrorPage {
  const none = { list: null, workedUntil: null, form: null, magic: null, retryAt: null, retry: null };
  return { ...none, ...base, ...parts, kind };
}

/** One act of a receipt, in order. */
export interface ReceiptAct {
  readonly kind:
    | 'requested'
    | 'requestedByPhone'
    | 'requestedOnPaper'
    | 'offered'
    | 'confirmed'
    | 'confirmedByReply'
    | 'changedAddress'
    | 'withdrawn'
    | 'renewed';
  readonly at: Date;
  /** What is known of it: `key` is that of a text `receipt.fact.*`. */
  readonly facts: readonly { readonly key: string; readonly value: string }[];
  /** Whose connection it was is kept and not shown: it may have been a stranger. */
  readonly hidesConnection: boolean;
}

/** GET /r/:token: the reading view, for a lawyer without help. */
export interface ReceiptPage extends OrganisationPage {
  readonly number: string;
  readonly claim: 'consent' | 'withdrawal';
  readonly issuedAt: Date;
  readonly list: ListName;
  /** The controller's name as in the records. */
  readonly sender: string;
  /** Whole when the record's address is opened; else null. */
  readonly address: string | null;
  readonly confirmedAt: Date;
  /** null: it was not withdrawn, or that was taken back. */
  readonly withdrawnAt: Date | null;
  readonly wording: string;
  readonly agreed: {
    readonly about: string;
    readonly frequency: string;
    /** null: until it is withdrawn. */
    readonly duration: string | null;
    /** Each empty: nobody, nowhere else, not told. */
    readonly recipients: readonly string[];
    readonly storage: readonly string[];
    readonly transfers: readonly string[];
  };
  readonly notice: { readonly version: string; readonly paragraphs: readonly string[] } | null;
  readonly acts: readonly ReceiptAct[];
  readonly byReply: boolean;
  /** What was shown, as text; `kind` is that of a text `receipt.shown.*`. */
  readonly shown: readonly { readonly kind: 'form' | 'mail' | 'page'; readonly text: string }[];
  /** null: whoever reads it may not have the file. */
  readonly download: {
    readonly href: string;
    readonly bytes: number;
    readonly dpvHref: string;
    readonly kantaraHref: string;
  } | null;
  readonly proof: {
    readonly origin: string;
    readonly leafIndex: number;
    readonly treeSize: number;
    /** Base64. */
    readonly rootHash: string;
    readonly vkey: string;
    readonly checkpointAt: Date | null;
    readonly anchors: readonly { readonly authority: string; readonly at: Date }[];
    /** How often heads are time-stamped, and so how much later than it claims an event may be written down; null: never. */
    readonly anchorHours: number | null;
    readonly witnesses: readonly string[];
  };
}

/** GET /log. */
export interface LogPage extends PageBase {
  readonly origin: string;
  readonly size: number;
  /** null while there is no second day. Lengths are in units of the drawing. */
  readonly growth: {
    readonly added: number;
    readonly days: number;
    readonly size: number;
    readonly from: Date;
    readonly to: Date;
    readonly width: number;
    readonly left: number;
    readonly right: number;
    readonly top: number;
    readonly bottom: number;
    /** SVG path data. */
    readonly line: string;
    readonly ticks: readonly { readonly value: number; readonly y: number; readonly textY: number }[];
    readonly table: readonly { readonly day: Date; readonly size: number }[];
  } | null;
  readonly checkpointAt: Date | null;
  /** The signed note as it is; null while the log is empty. */
  readonly checkpoint: string | null;
  readonly vkey: string;
  readonly formerVkeys: readonly string[];
  /** What programs read the log from, no trailing slash. */
  readonly address: string;
  readonly checkpointHref: string;
  readonly vkeyHref: string;
  readonly vkeysHref: string;
  readonly witnesses: readonly { readonly name: string; readonly size: number; readonly at: Date }[];
  readonly anchors: readonly { readonly authority: string; readonly at: Date }[];
}
