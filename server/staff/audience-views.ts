import type { CampaignPart } from './campaign-views.js';
import type { AudiencePart, StaffScreen } from './views.js';

interface Choice {
  readonly value: string;
  readonly name: string;
  readonly isChosen: boolean;
}

/** Whom of a list a draft goes to. The filter stands in the address of the page. */
export interface AudienceScreen extends StaffScreen {
  readonly campaign: CampaignPart;
  /** The filter as a query, with its question mark; '' for the whole list. */
  readonly query: string;
  readonly languageChoices: readonly Choice[];
  readonly topics: readonly Choice[];
  readonly after: string;
  readonly before: string;
  readonly attributes: readonly { readonly name: string; readonly label: string; readonly value: string }[];
  /** null where something asked for cannot be. */
  readonly audience: AudiencePart | null;
  /** Marks the audience as it was shown first. */
  readonly seen: string;
  readonly segments: readonly { readonly name: string; readonly href: string }[];
  /** Was it just saved as a segment? */
  readonly isSaved: boolean;
  /** Is the name for a new segment none? */
  readonly isNameWrong: boolean;
}

export interface SegmentsScreen extends StaffScreen {
  readonly lists: readonly {
    readonly name: string;
    readonly segments: readonly {
      readonly id: string;
      readonly name: string;
      readonly says: AudiencePart['says'];
      readonly isWrong: boolean;
    }[];
  }[];
  readonly isWrong: boolean;
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/audience': AudienceScreen;
    'admin/segments': SegmentsScreen;
  }
}
