import type { CampaignPart } from './campaign-views.js';
import type { AudiencePart, StaffScreen } from './views.js';

/** What a field of a draft says: a moment, a word of ours, whom it goes to, or what somebody wrote. */
export interface SaidValue {
  readonly at: Date | null;
  /** A key below changed.word. */
  readonly word: string | null;
  readonly says: AudiencePart['says'] | null;
  readonly text: string;
}

/** Somebody else changed the same part of a draft: what stands there now, beside what was to replace it. */
export interface ChangedScreen extends StaffScreen {
  readonly campaign: CampaignPart;
  readonly rows: readonly {
    /** A key below changed.field. */
    readonly field: string;
    readonly now: SaidValue;
    readonly mine: SaidValue;
    /** Mine can be written on here. */
    readonly isEdited: boolean;
    readonly isLong: boolean;
  }[];
  readonly action: string;
  readonly isMultipart: boolean;
  /** Of the form as it was sent, but for what is edited. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
  /** Where the part is changed. */
  readonly backHref: string;
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/changed': ChangedScreen;
  }
}
