import type { ChangedText } from './preview-message.js';
import type { SourceBlock, SourcePiece } from './preview-source.js';
import type { WhyPart } from './preview-words.js';
import type { ProblemPart } from './refused-view.js';
import type { StaffScreen } from './views.js';

/** GET and POST /admin/preview: a message as it would leave. */
export interface PreviewScreen extends StaffScreen {
  readonly lists: readonly { readonly slug: string; readonly name: string; readonly isChosen: boolean }[];
  readonly footers: readonly { readonly code: string; readonly name: string; readonly isChosen: boolean }[];
  /** A key below admin.policy. */
  readonly policies: readonly { readonly name: string; readonly isChosen: boolean }[];
  /** Pictures from elsewhere are fetched, which tells their servers. */
  readonly hasPictures: boolean;
  /** As it was pasted. */
  readonly mail: string;
  readonly wrong: 'no-mail' | 'too-large' | null;
  readonly result: PreviewResult | null;
}

export interface PreviewResult {
  readonly outcome: 'injected' | 'wrapped' | 'headers' | 'refused';
  /** What it was; null: its subject stands for it. */
  readonly fileName: string | null;
  readonly subject: string | null;
  readonly isMjml: boolean;
  readonly isNormalised: boolean;
  readonly why: WhyPart | null;
  /** Why the gateway would not take it; null: it would. */
  readonly objection: WhyPart | null;
  /** Bytes of the longest HTML, where Gmail may hide its end; null: it is short. */
  readonly longHtml: number | null;
  /** A key below admin.wayOut; null: it is not refused. */
  readonly wayOut: string | null;
  /** Of a template that cannot be read. */
  readonly problems: readonly ProblemPart[];
  readonly bytes: { readonly before: number; readonly after: number } | null;
  readonly header: readonly SourcePiece[];
  readonly texts: readonly PreviewText[];
  /** Texts beyond the first few. */
  readonly moreTexts: number;
  /** Of the whole message; empty for a template. */
  readonly source: readonly SourceBlock[];
}

export interface PreviewText {
  /** Where it lies in the message; empty: it has one part. */
  readonly path: string;
  /** Names this text among others. */
  readonly name: ChangedText['kind'];
  /** Shown as it is read: AMP is not, since scripts draw it. */
  readonly isRead: boolean;
  readonly isHtml: boolean;
  /** Too long to be shown as it is read; its source is there. */
  readonly isTooLong: boolean;
  readonly text: string;
  /** A key below admin.inject.change. */
  readonly change: ChangedText['change'];
  readonly rewritten: ChangedText['rewritten'];
  readonly source: readonly SourceBlock[];
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/preview': PreviewScreen;
  }
}
