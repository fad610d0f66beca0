import type { ProblemPart } from './refused-view.js';
import type { StaffScreen } from './views.js';

export interface TemplatesScreen extends StaffScreen {
  /** Those that come with Zgoda. */
  readonly ours: readonly { readonly name: string; readonly href: string; readonly src: string }[];
  readonly kept: readonly {
    readonly name: string;
    readonly href: string;
    readonly organisation: string;
    readonly fileName: string;
    readonly by: string;
    readonly at: Date;
  }[];
  /** What was just deleted, to be taken back; null: nothing was. */
  readonly deleted: { readonly name: string; readonly action: string } | null;
}

export interface TemplateScreen extends StaffScreen {
  readonly href: string;
  /** Of one that comes with Zgoda, below `library`; null: it has a name of its own. */
  readonly ours: string | null;
  readonly name: string;
  readonly src: string;
  readonly source: string;
  readonly subject: string;
  readonly lists: readonly { readonly slug: string; readonly name: string; readonly isChosen: boolean }[];
  readonly problems: readonly ProblemPart[];
  readonly isKept: boolean;
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/templates': TemplatesScreen;
    'admin/template': TemplateScreen;
  }
}
